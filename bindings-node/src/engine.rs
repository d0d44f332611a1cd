//! What programs with a store of their own call: logs, ops as objects, keys and signatures.

use ed25519_dalek::{Signer, SigningKey};
use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;
use trellis_core::link::bundle::{BundleWriter, Signatures, decode_bundle};
use trellis_core::link::message::RepoTag;
use trellis_core::op::id::{Author, OpId, RepoId};
use trellis_core::op::sign::{Unverified, is_signed_message};
use trellis_core::op::{hex, stored};
use trellis_core::reconcile;
use trellis_core::surface::{self, Json, NewOp, OpsShown, SealedOp, Unreadable};

use crate::error::{Result, Thrown};
use crate::machine::millis;
use crate::plain::{Given, give, give_ops, read, read_ops};

/// A log that a program keeps.
#[napi]
pub struct Log(reconcile::Log);

#[napi]
impl Log {
    /// A log without ops, of the repo with this id.
    #[napi(constructor)]
    pub fn new(repo: String) -> napi::Result<Log> {
        Ok(Log(reconcile::Log::new(RepoId(id(&repo)?))))
    }

    /// Takes ops in.
    #[napi]
    pub fn extend(&mut self, ops: Uint8Array) -> napi::Result<()> {
        self.0.extend(read_ops(&ops)?);
        Ok(())
    }

    /// Makes the next op: what it is and what its author has to sign.
    #[napi]
    pub fn create_op(
        &self,
        author: Uint8Array,
        now: f64,
        op: String,
        bytes: Option<Uint8Array>,
    ) -> napi::Result<Given> {
        let op: NewOp = read(&op, bytes.as_deref())?;
        Ok(self.created(op, &author, now)?)
    }
}

impl Log {
    fn created(&self, op: NewOp, author: &[u8], now: f64) -> Result<Given> {
        give(&SealedOp::from(self.0.create_op(&op.try_into()?, author_of(author)?, millis(now))?))
    }
}

/// Makes the op that begins a repo: what it is and what its author has to sign.
#[napi]
pub fn create_genesis(name: String, nonce: Uint8Array, author: Uint8Array, now: f64) -> napi::Result<Given> {
    let nonce = nonce.as_ref().try_into().map_err(|_| Thrown::bad("a nonce has 32 bytes"))?;
    let sealed = reconcile::create_genesis(&name, nonce, author_of(&author)?, millis(now));
    Ok(give(&SealedOp::from(sealed.map_err(Thrown::from)?))?)
}

/// What two lists of ops make together.
#[napi]
pub fn reconcile(local: Uint8Array, remote: Uint8Array) -> napi::Result<Given> {
    let (local, remote) = (read_ops(&local)?, read_ops(&remote)?);
    Ok(give(&surface::Reconciled::from(reconcile::reconcile(&unverified(&local), &unverified(&remote))))?)
}

/// Ops' bytes as objects.
#[napi]
pub fn ops_shown(ops: Uint8Array) -> napi::Result<Given> {
    Ok(give(&OpsShown::of(&read_ops(&ops)?))?)
}

/// Objects' ops in bytes.
#[napi]
pub fn ops_of(objects: String) -> napi::Result<Uint8Array> {
    let objects: Vec<Json> = read(&objects, None)?;
    let ops = objects.into_iter().map(|object| surface::op_of(object)?.try_into());
    let ops = ops.collect::<std::result::Result<Vec<stored::StoredOp>, Unreadable>>();
    Ok(give_ops(ops.map_err(Thrown::from)?))
}

/// Ops as a bundle, which another replica can import. They stand behind what they depend on.
#[napi]
pub fn bundle_of(ops: Uint8Array) -> napi::Result<Uint8Array> {
    let mut writer = BundleWriter::new(Signatures::All);
    for op in read_ops(&ops)? {
        writer.push(op).map_err(Thrown::bad)?;
    }
    Ok(writer.finish().map_err(Thrown::bad)?.into())
}

/// The ops of a bundle.
#[napi]
pub fn ops_of_bundle(bundle: Uint8Array) -> napi::Result<Uint8Array> {
    Ok(give_ops(decode_bundle(&bundle).map_err(Thrown::bad)?))
}

/// The id of the op with this header.
#[napi]
pub fn op_id(header: Uint8Array) -> String {
    hex::encode(&OpId::of_header(&header).0)
}

/// The tag by which requests name a repo.
#[napi]
pub fn repo_tag(repo: String) -> napi::Result<String> {
    Ok(hex::encode(&RepoTag::of(&RepoId(id(&repo)?)).0))
}

/// The public key of a secret one of 32 bytes.
#[napi]
pub fn author_of_seed(seed: Uint8Array) -> napi::Result<Uint8Array> {
    Ok(key(&seed)?.verifying_key().to_bytes().to_vec().into())
}

/// A signature of 64 bytes.
#[napi]
pub fn sign(seed: Uint8Array, message: Uint8Array) -> napi::Result<Uint8Array> {
    Ok(key(&seed)?.sign(&message).to_bytes().to_vec().into())
}

/// Whether a signature is its author's, as strictly as ops are judged.
#[napi]
pub fn is_signed(author: Uint8Array, message: Uint8Array, signature: Uint8Array) -> napi::Result<bool> {
    let signature = signature.as_ref().try_into().map_err(|_| Thrown::bad("a signature has 64 bytes"))?;
    Ok(is_signed_message(&author_of(&author)?, &message, signature))
}

fn unverified(ops: &[stored::StoredOp]) -> Vec<Unverified<'_>> {
    ops.iter().map(stored::StoredOp::unverified).collect()
}

fn key(seed: &[u8]) -> Result<SigningKey> {
    seed.try_into().map(SigningKey::from_bytes).map_err(|_| Thrown::bad("a seed has 32 bytes"))
}

fn author_of(bytes: &[u8]) -> Result<Author> {
    bytes.try_into().map(Author).map_err(|_| Thrown::bad("a key has 32 bytes"))
}

fn id(text: &str) -> Result<[u8; 32]> {
    hex::parse(text).ok_or_else(|| Thrown::bad("an id has 64 hex digits"))
}
