//! Signatures: RFC 8032's tests, the published edge cases, and what a signature of an op is over.

use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};
use trellis_core::op::hex;
use trellis_core::op::id::{Author, OpId};
use trellis_core::op::sign::{Unverified, is_signed_message};

use super::cbor::{self, DELETE};
use super::{By, bytes_of, case, expect, unhex};

/// What the file is.
pub const ABOUT: &str = "`message` and `signature` under `key`: whether a strict check `holds`. With `header` in the place of `message` and \
     `key`: whether an op with these canonical bytes keeps this signature.";

/// The cases.
pub fn cases() -> Vec<Value> {
    [rfc8032(), contract(), tampered(), speccheck(), ops()].concat()
}

fn fields(key: &str, message: &str, signature: &str, holds: bool) -> Value {
    json!({ "key": key, "message": message, "signature": signature, "holds": holds })
}

/// RFC 8032 §7.1: secret key, public key, message, signature.
const RFC8032: &[(&str, &str, &str, &str, &str)] = &[
    (
        "rfc8032-1",
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "rfc8032-2",
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "rfc8032-3",
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
    (
        "rfc8032-sha-abc",
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ),
];

fn rfc8032() -> Vec<Value> {
    let case = |(name, _, key, message, signature): &(&str, &str, &str, &str, &str)| {
        case(By::Rfc, name, "RFC 8032 §7.1", fields(key, message, signature, true))
    };
    RFC8032.iter().map(case).collect()
}

/// Proofs of requests under the Trellis contract, signed by its reference: message and signature.
const CONTRACT: &[(&str, &str, &str)] = &[
    (
        "contract-proof",
        "3dfb8a1961814961f3d57f939e235f20f28971ba2f0d38406cb2a35d1a373b76",
        "b0a517cba0afec9ba6ec26bb52d76c142a4801e17906b0acb1b01927f38ced23c8b8663f31b96769f63de576a8cf63e53c98bf18741e800897d77e226f7be00e",
    ),
    (
        "contract-proof-local",
        "08fb4659c05c0f4868a14a7d4e6221e9cb25b18f275932b5f2235a219a4ed759",
        "72469cd0e7601fa34c1b8e37b46f7c82562294afb264dbc32b4cce0954813b064bca9594f0c0b1d7b26b960e3fe0c6dc95c35f6cb1401ec8edeeebbb8d62960a",
    ),
];

fn contract() -> Vec<Value> {
    let key = "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8";
    let why = "a reference vector of the contract: a request's proof is a plain signature over a digest";
    let case = |(name, message, signature): &(&str, &str, &str)| {
        case(By::Rfc, name, why, fields(key, message, signature, true))
    };
    CONTRACT.iter().map(case).collect()
}

/// RFC 8032's third test, with one thing changed.
fn tampered() -> Vec<Value> {
    let (_, _, key, message, signature) = RFC8032[2];
    let flipped = |at: usize| flip(signature, at);
    let bad = |name, why, key: &str, message: &str, signature: &str| {
        case(By::Hand, name, why, fields(key, message, signature, false))
    };
    vec![
        bad("message-changed", "another message", key, "af83", signature),
        bad("message-longer", "a longer message", key, "af8200", signature),
        bad("message-empty", "no message", key, "", signature),
        bad("key-other", "another key", RFC8032[0].2, message, signature),
        bad("r-changed", "the first bit of R", key, message, &flipped(0)),
        bad("r-sign-changed", "the sign of R", key, message, &flipped(255)),
        bad("s-changed", "the first bit of S", key, message, &flipped(256)),
        bad("s-top-bit", "the top bit of S, which some implementations ignore", key, message, &flipped(511)),
        bad(
            "s-plus-order",
            "S + L: the same number modulo the order, so another signature of the same message (RFC 8032 §5.1.7, S in range)",
            key,
            message,
            &plus_order(signature),
        ),
        bad("s-zero", "S = 0", key, message, &format!("{}{}", &signature[..64], "00".repeat(32))),
        bad("zeros", "all zeros: R is of order 4", key, message, &"00".repeat(64)),
        bad("halves-swapped", "S before R", key, message, &format!("{}{}", &signature[64..], &signature[..64])),
        bad("key-zero", "a key of order 4", &"00".repeat(32), message, signature),
        bad(
            "key-identity",
            "the identity as key and as R, S = 0: holds for every message where small orders are let in",
            &identity(),
            message,
            &format!("{}{}", identity(), "00".repeat(32)),
        ),
        bad(
            "key-identity-non-canonical",
            "the identity, written as y = p + 1",
            &format!("ee{}7f", "ff".repeat(30)),
            message,
            &format!("{}{}", identity(), "00".repeat(32)),
        ),
        bad(
            "key-off-curve",
            "y = 2 is on no point of the curve",
            &format!("02{}", "00".repeat(31)),
            message,
            signature,
        ),
    ]
}

fn identity() -> String {
    format!("01{}", "00".repeat(31))
}

fn flip(signature: &str, bit: usize) -> String {
    let mut bytes = unhex(signature).expect("a constant");
    bytes[bit / 8] ^= 1 << (bit % 8);
    hex::encode(&bytes)
}

/// The order of the base point, 2^252 + 27742317777372353535851937790883648493, in little-endian bytes.
const ORDER: &str = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";

fn plus_order(signature: &str) -> String {
    let mut bytes = unhex(signature).expect("a constant");
    let mut carry = 0;
    for (byte, order) in bytes[32..].iter_mut().zip(unhex(ORDER).expect("a constant")) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    hex::encode(&bytes)
}

/// Chalkias, Garillot and Nikolaenko, "Taming the many EdDSAs" (SSR 2020), §5: what it tries, message, key, signature.
/// A strict check without cofactor accepts the fourth alone.
const SPECCHECK: &[(&str, &str, &str, &str)] = &[
    (
        "S = 0, A and R of small order",
        "8c93255d71dcab10e8f379c26200f3c7bd5f09d9bc3068d3ef4edeb4853022b6",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a0000000000000000000000000000000000000000000000000000000000000000",
    ),
    (
        "A of small order, R of mixed order",
        "9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43a5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04",
    ),
    (
        "A of mixed order, R of small order",
        "aebf3f2601a0c8c5d39cc7d8911642f740b78168218da8471772b35f9d35b9ab",
        "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa8c4bd45aecaca5b24fb97bc10ac27ac8751a7dfe1baff8b953ec9f5833ca260e",
    ),
    (
        "A and R of mixed order, holds with and without cofactor",
        "9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79",
        "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
        "9046a64750444938de19f227bb80485e92b83fdb4b6506c160484c016cc1852f87909e14428a7a1d62e9f22f3d3ad7802db02eb2e688b6c52fcd6648a98bd009",
    ),
    (
        "A and R of mixed order, holds with cofactor only",
        "e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c",
        "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
        "160a1cb0dc9c0258cd0a7d23e94d8fa878bcb1925f2c64246b2dee1796bed5125ec6bc982a269b723e0668e540911a9a6a58921d6925e434ab10aa7940551a09",
    ),
    (
        "A of mixed order, holds with cofactor only, and only if it is not reduced first",
        "e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c",
        "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
        "21122a84e0b5fca4052f5b1235c80a537878b38f3142356b2c2384ebad4668b7e40bc836dac0f71076f9abe3a53f9c03c1ceeeddb658d0030494ace586687405",
    ),
    (
        "S above the order",
        "85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40",
        "442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623",
        "e96f66be976d82e60150baecff9906684aebb1ef181f67a7189ac78ea23b6c0e547f7690a0e2ddcd04d87dbc3490dc19b3b3052f7ff0538cb68afb369ba3a514",
    ),
    (
        "S far above the order: a check of its top bits alone lets it in",
        "85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40",
        "442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623",
        "8ce5b96c8f26d0ab6c47958c9e68b937104cd36e13c33566acd2fe8d38aa19427e71f98a473474f2f13f06f97c20d58cc3f54b8bd0d272f42b695dd7e89a8c22",
    ),
    (
        "R of small order, not canonical, hashed as it stands",
        "9bedc267423725d473888631ebf45988bad3db83851ee85c85e241a07d148b41",
        "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff03be9678ac102edcd92b0210bb34d7428d12ffc5df5f37e359941266a4e35f0f",
    ),
    (
        "R of small order, not canonical, reduced before it is hashed",
        "9bedc267423725d473888631ebf45988bad3db83851ee85c85e241a07d148b41",
        "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffca8c5b64cd208982aa38d4936621a4775aa233aa0505711d8fdcfdaa943d4908",
    ),
    (
        "A of small order, not canonical, hashed as it stands",
        "e96b7021eb39c1a163b6da4e3093dcd3f21387da4cc4572be588fafae23c155b",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "a9d55260f765261eb9b84e106f665e00b867287a761990d7135963ee0a7d59dca5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04",
    ),
    (
        "A of small order, not canonical, reduced before it is hashed",
        "39a591f5321bbe07fd5a23dc2f39d025d74526615746727ceefd6e82ae65c06f",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "a9d55260f765261eb9b84e106f665e00b867287a761990d7135963ee0a7d59dca5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04",
    ),
];

fn speccheck() -> Vec<Value> {
    let case = |(at, (tries, message, key, signature)): (usize, &(&str, &str, &str, &str))| {
        let why = format!("Chalkias et al., \"Taming the many EdDSAs\": {tries}");
        case(By::Rfc, &format!("speccheck-{at}"), &why, fields(key, message, signature, at == 3))
    };
    SPECCHECK.iter().enumerate().map(case).collect()
}

/// An op by RFC 8032's first key, and signatures over this and that.
fn ops() -> Vec<Value> {
    let key = signing_key(RFC8032[0].1);
    let author = format!("03 5820 {}", RFC8032[0].2);
    let pairs: Vec<&str> =
        DELETE.iter().map(|pair| if pair.starts_with("03") { author.as_str() } else { pair }).collect();
    let header = cbor::header(&pairs);
    let id = *blake3::hash(&[b"trellis/op/1\n", header.as_slice()].concat()).as_bytes();
    let op = |name, why, message: &[u8], key: &SigningKey, holds: bool| {
        let signature = hex::encode(&key.sign(message).to_bytes());
        case(By::Hand, name, why, json!({ "header": hex::encode(&header), "signature": signature, "holds": holds }))
    };
    let with = |context: &[u8]| [context, id.as_slice()].concat();
    vec![
        op("op", "over the context and the id", &with(b"trellis/sig/1\n"), &key, true),
        op("op-no-context", "over the bare id", &id, &key, false),
        op("op-other-context", "over the id behind the context of ids", &with(b"trellis/op/1\n"), &key, false),
        op("op-context-without-newline", "the context ends in a newline", &with(b"trellis/sig/1"), &key, false),
        op("op-hex", "over the id in hex", &[b"trellis/sig/1\n", hex::encode(&id).as_bytes()].concat(), &key, false),
        op(
            "op-header",
            "over the header instead of its hash",
            &[b"trellis/sig/1\n", header.as_slice()].concat(),
            &key,
            false,
        ),
        op(
            "op-other-key",
            "by another key than the author's",
            &with(b"trellis/sig/1\n"),
            &signing_key(RFC8032[1].1),
            false,
        ),
    ]
}

fn signing_key(secret: &str) -> SigningKey {
    SigningKey::from_bytes(&hex::parse(secret).expect("a constant"))
}

/// Checks one case.
///
/// # Errors
/// What differs.
pub fn check(case: &Value) -> Result<(), String> {
    let signature: [u8; 64] = bytes_of(case, "signature")?.try_into().map_err(|_| "signature")?;
    let holds = if case["header"].is_string() {
        let header = bytes_of(case, "header")?;
        let op = Unverified { header: &header, body: None, signature: Some(&signature) };
        let op = op.verify().map_err(|error| error.to_string())?;
        expect("id", op.id(), OpId::of_header(&header))?;
        op.signature().is_some()
    } else {
        let key: [u8; 32] = bytes_of(case, "key")?.try_into().map_err(|_| "key")?;
        is_signed_message(&Author(key), &bytes_of(case, "message")?, &signature)
    };
    expect("holds", json!(holds), case["holds"].clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ed25519 is deterministic, so the published secrets must give the published signatures.
    #[test]
    fn rfc8032_is_quoted_rightly() {
        for (name, secret, key, message, signature) in RFC8032 {
            let signer = signing_key(secret);
            assert_eq!(hex::encode(signer.verifying_key().as_bytes()), *key, "{name}");
            let made = signer.sign(&unhex(message).expect("hex")).to_bytes();
            assert_eq!(hex::encode(&made), *signature, "{name}");
        }
    }
}
