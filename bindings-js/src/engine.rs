//! What programs with a store of their own call: logs, ops as objects, keys and signatures.

use ed25519_dalek::{Signer, SigningKey};
use trellis_core::link::bundle::{BundleWriter, Signatures, decode_bundle};
use trellis_core::link::message::RepoTag;
use trellis_core::op::hex;
use trellis_core::op::id::{Author, OpId, RepoId};
use trellis_core::op::sign::is_signed_message;
use trellis_core::op::stored;
use trellis_core::reconcile;
use trellis_core::surface::{Json, NewOp, Reconciled, SealedOp, StoredOp, op_of, op_shown};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::convert::{Result, Thrown, give, millis, read};

/// A log that a program keeps.
#[wasm_bindgen]
pub struct Log {
    log: reconcile::Log,
}

#[wasm_bindgen]
impl Log {
    /// A log without ops, of the repo with this id.
    #[wasm_bindgen(constructor)]
    pub fn new(repo: &str) -> Result<Log> {
        Ok(Log { log: reconcile::Log::new(RepoId(id(repo)?)) })
    }

    /// Takes ops in.
    pub fn extend(&mut self, ops: JsValue) -> Result<()> {
        self.log.extend(stored_ops(ops)?);
        Ok(())
    }

    /// Makes the next op: what it is and what its author has to sign.
    #[wasm_bindgen(js_name = createOp)]
    pub fn create_op(&self, op: JsValue, author: &[u8], now: f64) -> Result<JsValue> {
        let op: NewOp = read(op)?;
        give(&SealedOp::from(self.log.create_op(&op.try_into()?, author_of(author)?, millis(now))?))
    }
}

/// Makes the op that begins a repo: what it is and what its author has to sign.
#[wasm_bindgen(js_name = createGenesis)]
pub fn create_genesis(name: &str, nonce: &[u8], author: &[u8], now: f64) -> Result<JsValue> {
    let nonce = nonce.try_into().map_err(|_| Thrown::bad("a nonce has 32 bytes"))?;
    give(&SealedOp::from(reconcile::create_genesis(name, nonce, author_of(author)?, millis(now))?))
}

/// What two lists of ops make together.
#[wasm_bindgen]
pub fn reconcile(local: JsValue, remote: JsValue) -> Result<JsValue> {
    let (local, remote) = (stored_ops(local)?, stored_ops(remote)?);
    let (local, remote): (Vec<_>, Vec<_>) = (
        local.iter().map(stored::StoredOp::unverified).collect(),
        remote.iter().map(stored::StoredOp::unverified).collect(),
    );
    give(&Reconciled::from(reconcile::reconcile(&local, &remote)))
}

/// Ops' bytes as objects.
#[wasm_bindgen(js_name = opsShown)]
pub fn shown(ops: JsValue) -> Result<JsValue> {
    let ops: Vec<StoredOp> = read(ops)?;
    give(&ops.into_iter().map(op_shown).collect::<std::result::Result<Vec<Json>, _>>()?)
}

/// Objects' ops in bytes.
#[wasm_bindgen(js_name = opsOf)]
pub fn of_objects(objects: JsValue) -> Result<JsValue> {
    let objects: Vec<Json> = read(objects)?;
    give(&objects.into_iter().map(op_of).collect::<std::result::Result<Vec<StoredOp>, _>>()?)
}

/// Ops as a bundle, which another replica can import. They stand behind what they depend on.
#[wasm_bindgen(js_name = bundleOf)]
pub fn bundle(ops: JsValue) -> Result<Vec<u8>> {
    let mut writer = BundleWriter::new(Signatures::All);
    for op in stored_ops(ops)? {
        writer.push(op).map_err(Thrown::bad)?;
    }
    writer.finish().map_err(Thrown::bad)
}

/// The ops of a bundle.
#[wasm_bindgen(js_name = opsOfBundle)]
pub fn of_bundle(bundle: &[u8]) -> Result<JsValue> {
    let ops = decode_bundle(bundle).map_err(Thrown::bad)?;
    give(&ops.into_iter().map(StoredOp::from).collect::<Vec<StoredOp>>())
}

/// The id of the op with this header.
#[wasm_bindgen(js_name = opId)]
pub fn op_id(header: &[u8]) -> String {
    hex::encode(&OpId::of_header(header).0)
}

/// The tag by which requests name a repo.
#[wasm_bindgen(js_name = repoTag)]
pub fn repo_tag(repo: &str) -> Result<String> {
    Ok(hex::encode(&RepoTag::of(&RepoId(id(repo)?)).0))
}

/// The public key of a secret one of 32 bytes.
#[wasm_bindgen(js_name = authorOf)]
pub fn public_key(seed: &[u8]) -> Result<Vec<u8>> {
    Ok(key(seed)?.verifying_key().to_bytes().to_vec())
}

/// A signature of 64 bytes.
#[wasm_bindgen]
pub fn sign(seed: &[u8], message: &[u8]) -> Result<Vec<u8>> {
    Ok(key(seed)?.sign(message).to_bytes().to_vec())
}

/// Whether a signature is its author's, as strictly as ops are judged.
#[wasm_bindgen(js_name = isSigned)]
pub fn is_signed(author: &[u8], message: &[u8], signature: &[u8]) -> Result<bool> {
    let signature = signature.try_into().map_err(|_| Thrown::bad("a signature has 64 bytes"))?;
    Ok(is_signed_message(&author_of(author)?, message, signature))
}

fn stored_ops(ops: JsValue) -> Result<Vec<stored::StoredOp>> {
    let ops: Vec<StoredOp> = read(ops)?;
    ops.into_iter().map(|op| Ok(op.try_into()?)).collect()
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
