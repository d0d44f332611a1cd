//! Local-first sync: a repo on this device, its store, its keys and its peers.
//!
//! What an op means and who has it is decided in `trellis-core`; this crate moves bytes, tells the time, signs and
//! waits.
//!
//! ```
//! # let folder = tempfile::tempdir().unwrap();
//! # let notes = folder.path().join("notes");
//! # let body = async {
//! use trellis_sync::{Repo, Value};
//!
//! let repo = Repo::open(&notes).await?;
//! let receipt = repo.set("todo/1/title", Value::from("Buy milk")).await?;
//! assert_eq!(receipt.ops().len(), 1);
//! assert_eq!(repo.get("todo/1/title").await?.value, Some(Value::from("Buy milk")));
//! # trellis_sync::Result::Ok(())
//! # };
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(body).unwrap();
//! ```
#![forbid(unsafe_code)]

mod bundle;
pub mod config;
mod driver;
#[cfg(feature = "ws")]
pub mod engine;
pub mod error;
pub mod federation;
pub mod files;
pub mod folder;
mod fork;
pub mod git;
pub mod invitation;
pub mod keys;
#[cfg(feature = "ws")]
pub mod link;
mod progress;
pub mod range;
mod reconcile;
mod repo;
#[cfg(feature = "http")]
pub mod server;
pub mod store;
#[cfg(feature = "surface")]
pub mod surface;
pub mod transport;
mod whole_file;

pub use bundle::{Bundle, Exported};
pub use driver::Access;
pub use error::{Code, Result, TrellisError};
pub use fork::read_fork_proof;
pub use invitation::{Invitation, InviteOptions};
pub use progress::{Progress, Work};
pub use range::Range;
pub use reconcile::{Exchange, Keep};
pub use repo::{
    Batch, Found, Missing, OpenOptions, Phase, Receipt, Repo, RepoAt, Safe, Session, State, Verified, conflict_place,
};
pub use trellis_core as core;
pub use trellis_core::log::row::StoredOp as SignedOp;
pub use trellis_core::op::json::Value;
pub use trellis_core::op::place::{Entity, Place};
pub use trellis_core::reconcile::{Reconciled, reconcile};
pub use trellis_core::view::plan::{Plan, PlanItem};
