//! Inputs and outputs as plain data, for bindings: the only folder with serde.
//!
//! What a runtime gives and gets is made of objects, lists, texts, numbers below 2^53, and bytes. Ids and keys are
//! lower-case hex, clocks decimal texts, and what is absent is left out. Every enum has a `type`. A binding reads an
//! input from its language's values, takes it to the machine's own types by `TryFrom`, and gives outputs back by `From`;
//! what cannot be read is an [`Unreadable`], which names the place.

mod answer;
mod command;
pub mod crossing;
mod engine;
mod federation;
mod govern;
mod input;
mod op;
mod output;
mod plain;
mod raw;
mod scalar;
mod shown;

pub use answer::{
    Answer, Branch, ChainEnd, Fork, ImportReport, Link, Op, Problem, Progress, Refused, Status, VerifyReport, Withheld,
};
pub use command::{Change, Choice, Command, ConflictRef, Edit, Patch, tier_of};
pub use engine::{NewOp, OpsShown, Reconciled, SealedOp, op_of, op_shown};
pub use federation::{
    COLLECTIONS, Collections, CrossRepoLink, CrossRepoRef, LinkedRepo, Record, format_reference, linked_repos,
    links_to, parse_reference,
};
pub use govern::{Invitation, Joined, Manifest, Member, Terms};
pub use input::{BlobPart, Connection, Input, Joining, Kept, Loaded, Piece, Proof, Remembered, RowBytes, RowHeaders};
pub use op::StoredOp;
pub use output::{Event, Nacked, Output, Query, Row};
pub use plain::{FromPlain, Members, Plain, from_format};
pub use raw::{Start, brought_by, ops_brought};
pub use scalar::{Bytes, Frame, Hex, Json, Unreadable};
pub use shown::{Beneath, Conflict, Entity, Plan, PlanItem, Said, Shown, Side};
