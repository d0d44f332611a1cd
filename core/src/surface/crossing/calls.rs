//! What JavaScript calls of the core, whatever runs it: each takes and gives what crosses.

use alloc::string::String;
use alloc::vec::Vec;

use super::{Given, give, give_ops, read, read_ops};
use crate::link::bundle::{BundleWriter, Signatures, decode_bundle};
use crate::link::message::RepoTag;
use crate::machine::Machine;
use crate::op::hex;
use crate::op::id::{Author, OpId, RepoId};
use crate::op::sign::{Unverified, is_signed_message};
use crate::op::stored::StoredOp;
use crate::output;
use crate::reconcile::{self, Log};
use crate::surface::{self, Input, Json, NewOp, OpsShown, Output, Problem, Reconciled, SealedOp, Start, Unreadable};
use crate::time::Millis;

/// What a call gives.
///
/// An error is `invalid_argument` for what is not of the shape that is expected, and otherwise as the call says.
type Result<T> = core::result::Result<T, Problem>;

/// A machine that is about to read its store, and what it asks first.
pub fn start(start: &str) -> Result<(Machine, Vec<output::Output>)> {
    Ok(read::<Start>(start, None)?.open()?)
}

/// Takes one input at the time `now`, in milliseconds since 1970; what is to be done.
pub fn step(machine: &mut Machine, now: f64, input: &str, bytes: Option<&[u8]>) -> Result<Given> {
    let input: Input = read(input, bytes)?;
    outputs(machine.step(input.try_into()?, millis(now))?)
}

/// What a machine wants done.
pub fn outputs(outputs: Vec<output::Output>) -> Result<Given> {
    Ok(give(&outputs.into_iter().map(Output::from).collect::<Vec<Output>>())?)
}

/// A time of JavaScript: milliseconds since 1970, of which what is no time is the beginning.
fn millis(now: f64) -> Millis {
    Millis(now as u64)
}

/// A log without ops, of the repo with this id.
pub fn repo_log(repo: &str) -> Result<Log> {
    Ok(Log::new(RepoId(id(repo)?)))
}

/// Makes the next op of a log: what it is and what its author has to sign.
pub fn create_op(log: &Log, author: &[u8], now: f64, op: &str, bytes: Option<&[u8]>) -> Result<Given> {
    let op: NewOp = read(op, bytes)?;
    Ok(give(&SealedOp::from(log.create_op(&op.try_into()?, author_of(author)?, millis(now))?))?)
}

/// Makes the op that begins a repo: what it is and what its author has to sign.
pub fn create_genesis(name: &str, nonce: &[u8], author: &[u8], now: f64) -> Result<Given> {
    let nonce = nonce.try_into().map_err(|_| Problem::bad("a nonce has 32 bytes"))?;
    Ok(give(&SealedOp::from(reconcile::create_genesis(name, nonce, author_of(author)?, millis(now))?))?)
}

/// What two lists of ops make together.
pub fn reconcile(local: &[u8], remote: &[u8]) -> Result<Given> {
    let (local, remote) = (read_ops(local)?, read_ops(remote)?);
    Ok(give(&Reconciled::from(reconcile::reconcile(&unverified(&local), &unverified(&remote))))?)
}

fn unverified(ops: &[StoredOp]) -> Vec<Unverified<'_>> {
    ops.iter().map(StoredOp::unverified).collect()
}

/// Ops' bytes as objects.
pub fn ops_shown(ops: &[u8]) -> Result<Given> {
    Ok(give(&OpsShown::of(&read_ops(ops)?))?)
}

/// Objects' ops in bytes.
pub fn ops_of(objects: &str) -> Result<Vec<u8>> {
    let objects: Vec<Json> = read(objects, None)?;
    let ops = objects.into_iter().map(|object| surface::op_of(object)?.try_into());
    Ok(give_ops(ops.collect::<core::result::Result<Vec<StoredOp>, Unreadable>>()?))
}

/// Ops as a bundle, which another replica can import. They stand behind what they depend on.
pub fn bundle_of(ops: &[u8]) -> Result<Vec<u8>> {
    let mut writer = BundleWriter::new(Signatures::All);
    for op in read_ops(ops)? {
        writer.push(op).map_err(Problem::bad)?;
    }
    writer.finish().map_err(Problem::bad)
}

/// The ops of a bundle.
pub fn ops_of_bundle(bundle: &[u8]) -> Result<Vec<u8>> {
    Ok(give_ops(decode_bundle(bundle).map_err(Problem::bad)?))
}

/// The id of the op with this header.
pub fn op_id(header: &[u8]) -> String {
    hex::encode(&OpId::of_header(header).0)
}

/// The tag by which requests name a repo.
pub fn repo_tag(repo: &str) -> Result<String> {
    Ok(hex::encode(&RepoTag::of(&RepoId(id(repo)?)).0))
}

/// Whether a signature is its author's, as strictly as ops are judged.
pub fn is_signed(author: &[u8], message: &[u8], signature: &[u8]) -> Result<bool> {
    let signature = signature.try_into().map_err(|_| Problem::bad("a signature has 64 bytes"))?;
    Ok(is_signed_message(&author_of(author)?, message, signature))
}

/// The ids of the ops that a row brings, or completes by a body, in order.
pub fn brought_by(seq: u32, headers: &[u8], digest: &str) -> Result<Given> {
    Ok(give(&surface::brought_by(seq, headers, digest)?)?)
}

/// The ops that the last of some rows brings, or completes by a body, in order; those before it hold ops that it completes.
pub fn ops_brought(rows: &str, bytes: Option<&[u8]>) -> Result<Vec<u8>> {
    Ok(give_ops(surface::ops_brought(read(rows, bytes)?)))
}

/// The names of the collections that say how repos stand together.
pub fn federation_collections() -> Result<Given> {
    Ok(give(&surface::COLLECTIONS)?)
}

/// Reads a reference.
pub fn parse_reference(text: &str) -> Result<Given> {
    Ok(give(&surface::parse_reference(text)?)?)
}

/// Writes a reference.
pub fn format_reference(reference: &str) -> Result<String> {
    Ok(surface::format_reference(read(reference, None)?)?)
}

/// The linked repos among records.
pub fn linked_repos(records: &str) -> Result<Given> {
    Ok(give(&surface::linked_repos(read(records, None)?))?)
}

/// The links among records that lead to an entity of another repo.
pub fn links_to(records: &str, alias: &str, entity: &str) -> Result<Given> {
    Ok(give(&surface::links_to(read(records, None)?, alias, entity)?)?)
}

fn author_of(bytes: &[u8]) -> Result<Author> {
    bytes.try_into().map(Author).map_err(|_| Problem::bad("a key has 32 bytes"))
}

fn id(text: &str) -> Result<[u8; 32]> {
    hex::parse(text).ok_or_else(|| Problem::bad("an id has 64 hex digits"))
}
