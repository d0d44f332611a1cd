//! What programs with a store of their own call: logs, ops as objects, keys and signatures.

use ed25519_dalek::{Signer, SigningKey};
use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;
use trellis_core::reconcile;
use trellis_core::surface::crossing;

use crate::error::{Result, Thrown};
use crate::plain::{Given, given};

/// A log that a program keeps.
#[napi]
pub struct Log(reconcile::Log);

#[napi]
impl Log {
    /// A log without ops, of the repo with this id.
    #[napi(constructor)]
    pub fn new(repo: String) -> napi::Result<Log> {
        Ok(Log(crossing::repo_log(&repo).map_err(Thrown::from)?))
    }

    /// Takes ops in.
    #[napi]
    pub fn extend(&mut self, ops: Uint8Array) -> napi::Result<()> {
        self.0.extend(crossing::read_ops(&ops).map_err(Thrown::from)?);
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
        given(crossing::create_op(&self.0, &author, now, &op, bytes.as_deref()))
    }
}

/// Makes the op that begins a repo: what it is and what its author has to sign.
#[napi]
pub fn create_genesis(name: String, nonce: Uint8Array, author: Uint8Array, now: f64) -> napi::Result<Given> {
    given(crossing::create_genesis(&name, &nonce, &author, now))
}

/// What two lists of ops make together.
#[napi]
pub fn reconcile(local: Uint8Array, remote: Uint8Array) -> napi::Result<Given> {
    given(crossing::reconcile(&local, &remote))
}

/// Ops' bytes as objects.
#[napi]
pub fn ops_shown(ops: Uint8Array) -> napi::Result<Given> {
    given(crossing::ops_shown(&ops))
}

/// Objects' ops in bytes.
#[napi]
pub fn ops_of(objects: String) -> napi::Result<Uint8Array> {
    Ok(crossing::ops_of(&objects).map_err(Thrown::from)?.into())
}

/// Ops as a bundle, which another replica can import. They stand behind what they depend on.
#[napi]
pub fn bundle_of(ops: Uint8Array) -> napi::Result<Uint8Array> {
    Ok(crossing::bundle_of(&ops).map_err(Thrown::from)?.into())
}

/// The ops of a bundle.
#[napi]
pub fn ops_of_bundle(bundle: Uint8Array) -> napi::Result<Uint8Array> {
    Ok(crossing::ops_of_bundle(&bundle).map_err(Thrown::from)?.into())
}

/// The id of the op with this header.
#[napi]
pub fn op_id(header: Uint8Array) -> String {
    crossing::op_id(&header)
}

/// The tag by which requests name a repo.
#[napi]
pub fn repo_tag(repo: String) -> napi::Result<String> {
    Ok(crossing::repo_tag(&repo).map_err(Thrown::from)?)
}

/// The public key of a secret one of 32 bytes.
#[napi(js_name = "authorOf")]
pub fn public_key(seed: Uint8Array) -> napi::Result<Uint8Array> {
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
    Ok(crossing::is_signed(&author, &message, &signature).map_err(Thrown::from)?)
}

fn key(seed: &[u8]) -> Result<SigningKey> {
    Ok(SigningKey::from_bytes(seed_of(seed)?))
}

/// A secret key.
pub(crate) fn seed_of(seed: &[u8]) -> Result<&[u8; 32]> {
    seed.try_into().map_err(|_| Thrown::bad("a seed has 32 bytes"))
}
