//! Signed requests and answers: the one profile of RFC 9421 that exchanges use, in both roles.
//!
//! A request is signed over `@method`, `@authority`, `@path` and `content-digest`, and says when, by which key, and a word
//! that no other request has. Its answer is signed over `@status`, `content-digest` and the request's signature, so it
//! answers that request and no other. Whatever covers less or more, or is written in another way, is refused: there is
//! nothing to choose, and so nothing to get wrong.

use base64ct::{Base64, Encoding};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use sfv::{BareItem, Dictionary, FieldType, InnerList, ListEntry, Parser};
use sha2::{Digest, Sha256};
use trellis_core::op::hex;
use trellis_core::op::id::Author;
use trellis_core::op::sign::{Signature, is_signed_message};

/// The digest of a body (RFC 9530).
pub(crate) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");
const SIGNATURE: HeaderName = HeaderName::from_static("signature");
const SIGNATURE_INPUT: HeaderName = HeaderName::from_static("signature-input");
/// How a signature is called in both fields.
const LABEL: &str = "sig";
const REQUEST: &str = "(\"@method\" \"@authority\" \"@path\" \"content-digest\")";
const ANSWER: &str = "(\"@status\" \"content-digest\" \"signature\";req)";
/// Bytes of a nonce.
pub(crate) const NONCE_BYTES: usize = 16;

/// A word that no other request has.
pub(crate) type Nonce = [u8; NONCE_BYTES];

/// What a request is signed over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestParts<'a> {
    pub(crate) authority: &'a str,
    pub(crate) path: &'a str,
    pub(crate) digest: &'a str,
}

/// What an answer is signed over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnswerParts<'a> {
    pub(crate) status: u16,
    pub(crate) digest: &'a str,
    /// The request's `signature` field.
    pub(crate) request: &'a str,
}

impl RequestParts<'_> {
    fn lines(&self) -> String {
        let RequestParts { authority, path, digest } = self;
        format!("\"@method\": POST\n\"@authority\": {authority}\n\"@path\": {path}\n\"content-digest\": {digest}\n")
    }
}

impl AnswerParts<'_> {
    fn lines(&self) -> String {
        let AnswerParts { status, digest, request } = self;
        format!("\"@status\": {status}\n\"content-digest\": {digest}\n\"signature\";req: {request}\n")
    }
}

/// What a signature says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Params {
    /// Seconds since 1970.
    pub(crate) created: u64,
    pub(crate) key: Author,
    /// In a request.
    pub(crate) nonce: Option<Nonce>,
}

impl Params {
    fn text(&self, components: &str) -> String {
        let (created, key) = (self.created, hex::encode(&self.key.0));
        let nonce = self.nonce.map_or_else(String::new, |nonce| format!(";nonce=\"{}\"", hex::encode(&nonce)));
        format!("{components};created={created}{nonce};keyid=\"{key}\";alg=\"ed25519\"")
    }
}

/// A message to sign, and the field that says how it is made.
#[derive(Clone, Debug)]
pub(crate) struct Unsigned {
    base: String,
    input: String,
}

impl Unsigned {
    /// A request.
    pub(crate) fn request(parts: RequestParts<'_>, params: &Params) -> Unsigned {
        Unsigned::of(parts.lines(), params.text(REQUEST))
    }

    /// An answer.
    pub(crate) fn answer(parts: AnswerParts<'_>, params: &Params) -> Unsigned {
        Unsigned::of(parts.lines(), params.text(ANSWER))
    }

    fn of(lines: String, params: String) -> Unsigned {
        Unsigned { base: base(&lines, &params), input: format!("{LABEL}={params}") }
    }

    /// What is to be signed.
    pub(crate) fn message(&self) -> Vec<u8> {
        self.base.clone().into_bytes()
    }

    /// The fields of what is signed.
    pub(crate) fn fields(self, digest: &str, signature: &Signature) -> Vec<(HeaderName, HeaderValue)> {
        let signature = format!("{LABEL}=:{}:", Base64::encode_string(signature));
        let fields = [(CONTENT_DIGEST, digest.to_owned()), (SIGNATURE_INPUT, self.input), (SIGNATURE, signature)];
        let value = |(name, text): (HeaderName, String)| HeaderValue::try_from(text).ok().map(|value| (name, value));
        fields.into_iter().filter_map(value).collect()
    }
}

fn base(lines: &str, params: &str) -> String {
    format!("{lines}\"@signature-params\": {params}")
}

/// The digest of a body, as its field says it.
pub(crate) fn digest(body: &[u8]) -> String {
    format!("sha-256=:{}:", Base64::encode_string(&Sha256::digest(body)))
}

/// What a signature and the digest that it covers say, once it is proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verified {
    pub(crate) params: Params,
    /// The digest that the body has to have.
    pub(crate) digest: String,
    /// The `signature` field, which an answer covers.
    pub(crate) signature: String,
}

/// Checks the signature of a request.
pub(crate) fn verify_request(headers: &HeaderMap, authority: &str, path: &str) -> Option<Verified> {
    let lines = |digest: &str| RequestParts { authority, path, digest }.lines();
    verify(headers, REQUEST, lines).filter(|verified| verified.params.nonce.is_some())
}

/// Checks the signature of an answer to the request with this `signature` field.
pub(crate) fn verify_answer(headers: &HeaderMap, status: u16, request: &str) -> Option<Verified> {
    let lines = |digest: &str| AnswerParts { status, digest, request }.lines();
    verify(headers, ANSWER, lines).filter(|verified| verified.params.nonce.is_none())
}

fn verify(headers: &HeaderMap, components: &str, lines: impl Fn(&str) -> String) -> Option<Verified> {
    let digest = single(headers, &CONTENT_DIGEST)?;
    let params = read_params(&list(single(headers, &SIGNATURE_INPUT)?)?, components)?;
    let field = single(headers, &SIGNATURE)?;
    let message = base(&lines(digest), &params.1);
    let is_proved = is_signed_message(&params.0.key, message.as_bytes(), &signature_of(field)?);
    is_proved.then(|| Verified { params: params.0, digest: digest.to_owned(), signature: field.to_owned() })
}

/// The value of a field that must not come twice.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(first)
}

/// The one member of a field.
fn member(field: &str) -> Option<ListEntry> {
    let mut members: Dictionary = Parser::new(field).parse().ok()?;
    let member = members.swap_remove(LABEL)?;
    members.is_empty().then_some(member)
}

fn list(field: &str) -> Option<InnerList> {
    match member(field)? {
        ListEntry::InnerList(list) => Some(list),
        ListEntry::Item(_) => None,
    }
}

fn signature_of(field: &str) -> Option<Signature> {
    match member(field)? {
        ListEntry::Item(item) if item.params.is_empty() => item.bare_item.as_byte_sequence()?.try_into().ok(),
        _ => None,
    }
}

/// Reads what a signature covers, which has to be just this, and what it says of itself; returns that as it is signed, too.
fn read_params(list: &InnerList, components: &str) -> Option<(Params, String)> {
    let text = vec![ListEntry::InnerList(list.clone())].serialize()?;
    let covered = vec![ListEntry::InnerList(InnerList::new(list.items.clone()))].serialize()?;
    let known = ["created", "nonce", "keyid", "alg"];
    if covered != components || list.params.keys().any(|name| !known.contains(&name.as_str())) {
        return None;
    }
    let param = |name: &str| list.params.get(name);
    let text_of = |item: &BareItem| item.as_string().map(|text| text.as_str().to_owned());
    if param("alg").is_some_and(|alg| text_of(alg).as_deref() != Some("ed25519")) {
        return None;
    }
    let nonce = match param("nonce") {
        Some(nonce) => Some(hex::parse(&text_of(nonce)?)?),
        None => None,
    };
    let created = u64::try_from(i64::from(param("created")?.as_integer()?)).ok()?;
    let key = Author(hex::parse(&text_of(param("keyid")?)?)?);
    Some((Params { created, key, nonce }, text))
}
