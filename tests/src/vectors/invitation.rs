//! Invitations: what their key signs for who joins, and the text that goes from hand to hand.

use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};
use trellis_core::op::hex;
use trellis_core::op::id::{Author, RepoId};
use trellis_core::op::invitation::InvitationProof;
use trellis_sync::Invitation;

use super::{By, bytes_of, case, expect};

/// What the file is.
pub const ABOUT: &str = "`proof` by the invitation's `key`: whether it `holds` for the key `joiner` in the `repo`. With `text` in their place: \
     the public `key`, the `repo` and `until`, in milliseconds since 1970, of an invitation, or the code with which the text is `refused`.";

const SEED: [u8; 32] = [7; 32];
const REPO: [u8; 32] = [0x11; 32];
const JOINER: [u8; 32] = [0x22; 32];
const UNTIL: u64 = 1_700_000_000_000;

/// The cases.
pub fn cases() -> Vec<Value> {
    [proofs(), texts()].concat()
}

fn key() -> String {
    hex::encode(SigningKey::from_bytes(&SEED).verifying_key().as_bytes())
}

fn proof(name: &str, why: &str, message: &[&[u8]], holds: bool) -> Value {
    let proof = hex::encode(&SigningKey::from_bytes(&SEED).sign(&message.concat()).to_bytes());
    let (repo, joiner) = (hex::encode(&REPO), hex::encode(&JOINER));
    case(By::Hand, name, why, json!({ "key": key(), "repo": repo, "joiner": joiner, "proof": proof, "holds": holds }))
}

fn proofs() -> Vec<Value> {
    let context: &[u8] = b"trellis/invited/1\n";
    vec![
        proof("proof", "over the context, the repo and who joins", &[context, &REPO, &JOINER], true),
        proof("proof-of-another", "somebody else who joined showed it", &[context, &REPO, &[0x23; 32]], false),
        proof("proof-elsewhere", "it is for another repo", &[context, &[0x12; 32], &JOINER], false),
        proof("proof-swapped", "the repo comes first", &[context, &JOINER, &REPO], false),
        proof("proof-no-context", "over the bare ids", &[&REPO, &JOINER], false),
        proof(
            "proof-successor",
            "behind the context of successors",
            &[b"trellis/successor/1\n", &REPO, &JOINER],
            false,
        ),
    ]
}

fn text(parts: &[&[u8]]) -> String {
    format!("trellis-invitation:{}", Base64UrlUnpadded::encode_string(&parts.concat()))
}

fn texts() -> Vec<Value> {
    let until = UNTIL.to_be_bytes();
    let good = text(&[&[1], &SEED, &REPO, &until]);
    let read = |name, why, text: &str| {
        let fields = json!({ "text": text, "key": key(), "repo": hex::encode(&REPO), "until": UNTIL });
        case(By::Hand, name, why, fields)
    };
    let refused =
        |name, why, text: &str, code: &str| case(By::Hand, name, why, json!({ "text": text, "refused": code }));
    let invalid = "invalid_argument";
    vec![
        read("text", "version, seed, repo and end", &good),
        read("text-white", "white space around it does not count", &format!("\n\t {good}\r\n")),
        refused("text-empty", "nothing", "", invalid),
        refused(
            "text-bare",
            "without its beginning",
            good.strip_prefix("trellis-invitation:").unwrap_or_default(),
            invalid,
        ),
        refused("text-case", "the beginning is in lower case", &good.replacen("trellis", "Trellis", 1), invalid),
        refused("text-short", "the last character is missing", &good[..good.len() - 1], invalid),
        refused("text-long", "a byte more", &text(&[&[1], &SEED, &REPO, &until, &[0]]), invalid),
        refused("text-padded", "padding", &format!("{good}=="), invalid),
        refused("text-broken", "a line break inside", &format!("{}\n{}", &good[..60], &good[60..]), invalid),
        refused("text-newer", "another version", &text(&[&[2], &SEED, &REPO, &until]), "version_mismatch"),
    ]
}

/// Checks one case.
///
/// # Errors
/// What differs.
pub fn check(case: &Value) -> Result<(), String> {
    if case["text"].is_string() { check_text(case) } else { check_proof(case) }
}

fn check_text(case: &Value) -> Result<(), String> {
    let text = case["text"].as_str().unwrap_or_default();
    match text.parse::<Invitation>() {
        Err(error) => expect("refused", json!(error.code().as_str()), case["refused"].clone()),
        Ok(read) => {
            expect("key", json!(read.key().to_string()), case["key"].clone())?;
            expect("repo", json!(read.repo().to_string()), case["repo"].clone())?;
            expect("until", json!(read.until().0), case["until"].clone())?;
            expect("text", read.reveal().as_str(), text.trim())
        }
    }
}

fn check_proof(case: &Value) -> Result<(), String> {
    let name = |field| -> Result<[u8; 32], String> { bytes_of(case, field)?.try_into().map_err(|_| field.into()) };
    let signature = bytes_of(case, "proof")?.try_into().map_err(|_| "proof")?;
    let proof = InvitationProof { key: Author(name("key")?), signature };
    let holds = proof.holds_for(&RepoId(name("repo")?), &Author(name("joiner")?));
    expect("holds", json!(holds), case["holds"].clone())
}
