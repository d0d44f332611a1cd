//! What programs with a store of their own call: logs, ops as objects, keys and signatures.

use ed25519_dalek::{Signer, SigningKey};
use trellis_core::reconcile;
use trellis_core::surface::{Problem, crossing};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::convert::{Result, whole};

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
        Ok(Log { log: crossing::repo_log(repo)? })
    }

    /// Takes ops in.
    pub fn extend(&mut self, ops: &[u8]) -> Result<()> {
        self.log.extend(crossing::read_ops(ops).map_err(Problem::from)?);
        Ok(())
    }

    /// Makes the next op: what it is and what its author has to sign.
    #[wasm_bindgen(js_name = createOp)]
    pub fn create_op(&self, author: &[u8], now: f64, op: &str, bytes: Option<Vec<u8>>) -> Result<Vec<u8>> {
        Ok(whole(crossing::create_op(&self.log, author, now, op, bytes.as_deref())?))
    }
}

/// Makes the op that begins a repo: what it is and what its author has to sign.
#[wasm_bindgen(js_name = createGenesis)]
pub fn create_genesis(name: &str, nonce: &[u8], author: &[u8], now: f64) -> Result<Vec<u8>> {
    Ok(whole(crossing::create_genesis(name, nonce, author, now)?))
}

/// What two lists of ops make together.
#[wasm_bindgen]
pub fn reconcile(local: &[u8], remote: &[u8]) -> Result<Vec<u8>> {
    Ok(whole(crossing::reconcile(local, remote)?))
}

/// Ops' bytes as objects.
#[wasm_bindgen(js_name = opsShown)]
pub fn shown(ops: &[u8]) -> Result<Vec<u8>> {
    Ok(whole(crossing::ops_shown(ops)?))
}

/// Objects' ops in bytes.
#[wasm_bindgen(js_name = opsOf)]
pub fn of_objects(objects: &str) -> Result<Vec<u8>> {
    Ok(crossing::ops_of(objects)?)
}

/// Ops as a bundle, which another replica can import. They stand behind what they depend on.
#[wasm_bindgen(js_name = bundleOf)]
pub fn bundle(ops: &[u8]) -> Result<Vec<u8>> {
    Ok(crossing::bundle_of(ops)?)
}

/// The ops of a bundle.
#[wasm_bindgen(js_name = opsOfBundle)]
pub fn of_bundle(bundle: &[u8]) -> Result<Vec<u8>> {
    Ok(crossing::ops_of_bundle(bundle)?)
}

/// The id of the op with this header.
#[wasm_bindgen(js_name = opId)]
pub fn op_id(header: &[u8]) -> String {
    crossing::op_id(header)
}

/// The tag by which requests name a repo.
#[wasm_bindgen(js_name = repoTag)]
pub fn repo_tag(repo: &str) -> Result<String> {
    Ok(crossing::repo_tag(repo)?)
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
    Ok(crossing::is_signed(author, message, signature)?)
}

fn key(seed: &[u8]) -> Result<SigningKey> {
    Ok(seed.try_into().map(SigningKey::from_bytes).map_err(|_| Problem::bad("a seed has 32 bytes"))?)
}
