//! What a collection declares: how its writes become a value, and who may see and change it.
//!
//! A manifest is the value of an entity of `_manifests`, so it is read strictly: a word that this version does not know
//! is an error that names its place, never a default.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::op::id::RepoId;
use crate::op::json::{Object, Value};
use crate::op::pointer::Pointer;
use crate::ordered::Map;

/// What a collection declares. One without a manifest has [`Manifest::default`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The program that the collection belongs to.
    pub engine_id: Option<String>,
    /// The collection's name.
    pub collection: Option<String>,
    /// The schema version that writers give their writes: 1 or more.
    pub schema_version: u64,
    /// The repo that the collection belongs to, where it is not the one it stands in.
    pub owner_repo: Option<RepoId>,
    /// Whether the collection is synced unless somebody says otherwise.
    pub is_default_enabled: bool,
    /// How much harm a wrong write does.
    pub policy_class: PolicyClass,
    /// Who can read it.
    pub encryption_scope: EncryptionScope,
    /// How writes become a value.
    pub strategy: Strategy,
    /// Whether entities may be deleted.
    pub has_tombstones: bool,
    /// Whether writes may be undone.
    pub has_rollback: bool,
    /// Whether entities may be exported.
    pub has_export: bool,
    /// Places that need care.
    pub dangerous_fields: Vec<Pointer>,
    /// Names of the events that are audited.
    pub audit_events: Vec<String>,
    /// Places whose values are more than JSON. None lies below another.
    pub fields: Map<Pointer, Field>,
}

/// How much harm a wrong write does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PolicyClass {
    /// Hardly any.
    Low,
    /// Some.
    Medium,
    /// Much: bodies are salted.
    High,
    /// The most: bodies are salted.
    Critical,
}

/// Who can read a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncryptionScope {
    /// Everybody.
    Public,
    /// One person.
    Profile,
    /// The people of a workspace.
    Workspace,
    /// The people of an organisation.
    Org,
    /// One device.
    Device,
    /// Who opens the vault.
    Vault,
}

/// How the writes to an entity become its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Values, conflicts and merged texts.
    GraphMerge {
        /// What becomes of a conflict.
        on_conflict: OnConflict,
        /// What is shown of one.
        tiebreak: Tiebreak,
    },
    /// A value, and never a conflict.
    Crdt,
}

/// What becomes of a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnConflict {
    /// It stays open until a write resolves it.
    Flag,
    /// The tiebreak settles it, and the losers are recorded.
    Auto,
}

/// Which of two writes that have not seen one another is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tiebreak {
    /// The one of greater `ord`.
    Ord,
    /// One by the repo's owner, then the one of greater `ord`.
    OwnerFirst,
}

/// What a place's value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// A text that merges by lines.
    Text,
    /// An array without order, changed by `insert` and `discard`.
    Set,
    /// A number changed by `add`.
    Counter,
    /// An array of objects that this member tells apart.
    List {
        /// The member's name.
        identity: String,
    },
}

/// Why a value is no manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the manifest at \"{at}\": {problem}")]
pub struct ManifestError {
    /// The place in the manifest.
    pub at: Pointer,
    /// What is wrong there.
    pub problem: ManifestProblem,
}

/// What is wrong at a place of a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestProblem {
    /// A value of another type.
    #[error("this has to be {0}")]
    NotA(&'static str),
    /// A field that manifests do not have.
    #[error("manifests have no such field")]
    UnknownField,
    /// A word that is none of those that may stand here.
    #[error("this has to be one of {0}")]
    UnknownWord(&'static str),
    /// A strategy of the design that this version cannot run.
    #[error("this version does not support the strategy {0}")]
    UnsupportedStrategy(&'static str),
    /// A parameter that the strategy does not have.
    #[error("the strategy has no such parameter")]
    UnknownParameter,
    /// A declared place that lies below another one.
    #[error("a declared field cannot lie below another declared field")]
    FieldBelowField,
}

use ManifestProblem::{FieldBelowField, NotA, UnknownField, UnknownParameter, UnknownWord, UnsupportedStrategy};

impl Default for Manifest {
    fn default() -> Manifest {
        Manifest {
            engine_id: None,
            collection: None,
            schema_version: 1,
            owner_repo: None,
            is_default_enabled: true,
            policy_class: PolicyClass::Low,
            encryption_scope: EncryptionScope::Workspace,
            strategy: Strategy::default(),
            has_tombstones: true,
            has_rollback: true,
            has_export: true,
            dangerous_fields: Vec::new(),
            audit_events: Vec::new(),
            fields: Map::new(),
        }
    }
}

impl Default for Strategy {
    fn default() -> Strategy {
        Strategy::GraphMerge { on_conflict: OnConflict::Flag, tiebreak: Tiebreak::Ord }
    }
}

impl Manifest {
    /// Reads a manifest. A field that is absent is as in [`Manifest::default`].
    ///
    /// # Errors
    /// [`ManifestError`] with the first place, in the order of names, that is wrong.
    pub fn parse(value: &Value) -> Result<Manifest, ManifestError> {
        let mut manifest = Manifest::default();
        for (name, value) in Spot::root(value).members()? {
            manifest.read(&name, &value)?;
        }
        Ok(manifest)
    }

    fn read(&mut self, name: &str, value: &Spot<'_>) -> Result<(), ManifestError> {
        match name {
            "engineId" => self.engine_id = Some(value.text()?.to_string()),
            "collection" => self.collection = Some(value.text()?.to_string()),
            "schemaVersion" => self.schema_version = value.positive()?,
            "ownerRepo" => self.owner_repo = Some(value.repo()?),
            "defaultEnabled" => self.is_default_enabled = value.flag()?,
            "policyClass" => self.policy_class = value.word(&POLICY_CLASSES)?,
            "encryptionScope" => self.encryption_scope = value.word(&ENCRYPTION_SCOPES)?,
            "mergeStrategy" => self.strategy = strategy(value)?,
            "supportsTombstones" => self.has_tombstones = value.flag()?,
            "supportsRollback" => self.has_rollback = value.flag()?,
            "supportsExport" => self.has_export = value.flag()?,
            "dangerousFields" => {
                self.dangerous_fields = value.items()?.iter().map(Spot::pointer).collect::<Result<_, _>>()?
            }
            "auditEvents" => {
                self.audit_events =
                    value.items()?.iter().map(|item| item.text().map(str::to_string)).collect::<Result<_, _>>()?;
            }
            "fields" => self.fields = fields(value)?,
            _ => return Err(value.wrong(UnknownField)),
        }
        Ok(())
    }

    /// Whether JSON bodies are salted, so that a redacted one cannot be guessed from its hash.
    pub fn is_salted(&self) -> bool {
        self.policy_class >= PolicyClass::High
    }

    /// The places of declared texts.
    pub fn texts(&self) -> impl Iterator<Item = &Pointer> {
        self.fields.iter().filter(|(_, field)| **field == Field::Text).map(|(at, _)| at)
    }

    /// The members that tell the items of lists apart, by the place of the list.
    pub fn lists(&self) -> Map<Pointer, String> {
        let identity = |(at, field): (&Pointer, &Field)| match field {
            Field::List { identity } => Some((at.clone(), identity.clone())),
            _ => None,
        };
        self.fields.iter().filter_map(identity).collect()
    }
}

/// The words of a place and what they mean, with the list that an error shows.
struct Words<T: 'static> {
    list: &'static str,
    words: &'static [(&'static str, T)],
}

const POLICY_CLASSES: Words<PolicyClass> = Words {
    list: "low, medium, high, critical",
    words: &[
        ("low", PolicyClass::Low),
        ("medium", PolicyClass::Medium),
        ("high", PolicyClass::High),
        ("critical", PolicyClass::Critical),
    ],
};

const ENCRYPTION_SCOPES: Words<EncryptionScope> = Words {
    list: "public, profile, workspace, org, device, vault",
    words: &[
        ("public", EncryptionScope::Public),
        ("profile", EncryptionScope::Profile),
        ("workspace", EncryptionScope::Workspace),
        ("org", EncryptionScope::Org),
        ("device", EncryptionScope::Device),
        ("vault", EncryptionScope::Vault),
    ],
};

const ON_CONFLICT: Words<OnConflict> =
    Words { list: "flag, auto", words: &[("flag", OnConflict::Flag), ("auto", OnConflict::Auto)] };

const TIEBREAKS: Words<Tiebreak> =
    Words { list: "ord, owner_first", words: &[("ord", Tiebreak::Ord), ("owner_first", Tiebreak::OwnerFirst)] };

/// None where this version knows the name of a strategy and nothing more.
const STRATEGIES: Words<Option<Strategy>> = Words {
    list: "crdt, graph_merge, append_only, manual_review, strongest_policy_wins, signed_authority_required, \
           never_merge, quarantine",
    words: &[
        ("crdt", Some(Strategy::Crdt)),
        ("graph_merge", Some(Strategy::GraphMerge { on_conflict: OnConflict::Flag, tiebreak: Tiebreak::Ord })),
        ("append_only", None),
        ("manual_review", None),
        ("strongest_policy_wins", None),
        ("signed_authority_required", None),
        ("never_merge", None),
        ("quarantine", None),
    ],
};

const FIELDS: Words<Field> = Words {
    list: "text, set, counter, {\"list\": identity}",
    words: &[("text", Field::Text), ("set", Field::Set), ("counter", Field::Counter)],
};

/// A name, or an object of the name and parameters.
fn strategy(value: &Spot<'_>) -> Result<Strategy, ManifestError> {
    if value.value.as_str().is_some() {
        return strategy_name(value);
    }
    let members = value.members()?;
    let name = members.iter().find(|(name, _)| name == "name").ok_or(value.wrong(NotA("a strategy's name")))?;
    let mut strategy = strategy_name(&name.1)?;
    for (name, value) in members.iter().filter(|(name, _)| name != "name") {
        match (&mut strategy, name.as_str()) {
            (Strategy::GraphMerge { on_conflict, .. }, "onConflict") => *on_conflict = value.word(&ON_CONFLICT)?,
            (Strategy::GraphMerge { tiebreak, .. }, "tiebreak") => *tiebreak = value.word(&TIEBREAKS)?,
            _ => return Err(value.wrong(UnknownParameter)),
        }
    }
    Ok(strategy)
}

fn strategy_name(value: &Spot<'_>) -> Result<Strategy, ManifestError> {
    let (name, strategy) = value.entry(&STRATEGIES)?;
    strategy.ok_or(value.wrong(UnsupportedStrategy(name)))
}

fn fields(value: &Spot<'_>) -> Result<Map<Pointer, Field>, ManifestError> {
    let mut fields = Map::new();
    for (name, value) in value.members()? {
        let at = Pointer::parse(&name).map_err(|_| value.wrong(NotA("named by a pointer")))?;
        fields.insert(at, field(&value)?);
    }
    let places: Vec<&Pointer> = fields.keys().collect();
    match places.windows(2).find(|pair| pair[0].is_prefix_of(pair[1])) {
        Some(pair) => Err(value.member(&pair[1].to_string()).wrong(FieldBelowField)),
        None => Ok(fields),
    }
}

fn field(value: &Spot<'_>) -> Result<Field, ManifestError> {
    let identity = value.value.as_object().filter(|object| object.len() == 1).and_then(|object| object.get("list"));
    match identity.and_then(Value::as_str) {
        Some(identity) => Ok(Field::List { identity: identity.to_string() }),
        None => value.word(&FIELDS),
    }
}

/// A value and where it stands in the manifest.
struct Spot<'v> {
    at: Pointer,
    value: &'v Value,
}

impl<'v> Spot<'v> {
    fn root(value: &'v Value) -> Spot<'v> {
        Spot { at: Pointer::ROOT, value }
    }

    fn member(&self, name: &str) -> Spot<'v> {
        Spot { at: self.at.child(name), value: self.value }
    }

    fn wrong(&self, problem: ManifestProblem) -> ManifestError {
        ManifestError { at: self.at.clone(), problem }
    }

    fn expect<T>(&self, value: Option<T>, what: &'static str) -> Result<T, ManifestError> {
        value.ok_or_else(|| self.wrong(NotA(what)))
    }

    fn members(&self) -> Result<Vec<(String, Spot<'v>)>, ManifestError> {
        let object: &Object = self.expect(self.value.as_object(), "an object")?;
        let members = object.iter().map(|(name, value)| (name.to_string(), Spot { at: self.at.child(name), value }));
        Ok(members.collect())
    }

    fn items(&self) -> Result<Vec<Spot<'v>>, ManifestError> {
        let items = self.expect(self.value.as_array(), "a list")?.iter().enumerate();
        Ok(items.map(|(nth, value)| Spot { at: self.at.child(&nth.to_string()), value }).collect())
    }

    fn text(&self) -> Result<&'v str, ManifestError> {
        self.expect(self.value.as_str(), "a text")
    }

    fn flag(&self) -> Result<bool, ManifestError> {
        self.expect(self.value.as_bool(), "true or false")
    }

    fn positive(&self) -> Result<u64, ManifestError> {
        let number = self.value.as_integer().and_then(|number| u64::try_from(number).ok());
        self.expect(number.filter(|number| *number > 0), "a whole number from 1")
    }

    fn repo(&self) -> Result<RepoId, ManifestError> {
        self.expect(self.value.as_str().and_then(RepoId::parse_hex), "a repo's id")
    }

    fn pointer(&self) -> Result<Pointer, ManifestError> {
        self.expect(Pointer::parse(self.text()?).ok(), "a pointer")
    }

    fn word<T: Clone>(&self, words: &Words<T>) -> Result<T, ManifestError> {
        self.entry(words).map(|(_, meaning)| meaning)
    }

    fn entry<T: Clone>(&self, words: &Words<T>) -> Result<(&'static str, T), ManifestError> {
        let found = self.value.as_str().and_then(|text| words.words.iter().find(|(word, _)| *word == text));
        found.cloned().ok_or_else(|| self.wrong(UnknownWord(words.list)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Manifest, ManifestError> {
        Manifest::parse(&text.parse().expect("the test's own JSON"))
    }

    fn at(text: &str) -> Pointer {
        Pointer::parse(text).expect("the test's own pointer")
    }

    #[test]
    fn every_field_is_read() {
        let repo = "ab".repeat(32);
        let text = r#"{
            "engineId": "editor", "collection": "notes", "schemaVersion": 3, "ownerRepo": "REPO",
            "defaultEnabled": false, "policyClass": "high", "encryptionScope": "vault",
            "mergeStrategy": {"name": "graph_merge", "onConflict": "auto", "tiebreak": "owner_first"},
            "supportsTombstones": false, "supportsRollback": false, "supportsExport": false,
            "dangerousFields": ["/secret"], "auditEvents": ["opened"],
            "fields": {"/body": "text", "/tags": "set", "/n": "counter", "/rows": {"list": "id"}}
        }"#;
        let expected = Manifest {
            engine_id: Some("editor".into()),
            collection: Some("notes".into()),
            schema_version: 3,
            owner_repo: RepoId::parse_hex(&repo),
            is_default_enabled: false,
            policy_class: PolicyClass::High,
            encryption_scope: EncryptionScope::Vault,
            strategy: Strategy::GraphMerge { on_conflict: OnConflict::Auto, tiebreak: Tiebreak::OwnerFirst },
            has_tombstones: false,
            has_rollback: false,
            has_export: false,
            dangerous_fields: [at("/secret")].into(),
            audit_events: ["opened".into()].into(),
            fields: [
                (at("/body"), Field::Text),
                (at("/tags"), Field::Set),
                (at("/n"), Field::Counter),
                (at("/rows"), Field::List { identity: "id".into() }),
            ]
            .into(),
        };
        let manifest = parse(&text.replace("REPO", &repo));
        assert_eq!(manifest, Ok(expected));
        assert_eq!(manifest.map(|manifest| manifest.texts().cloned().collect()), Ok(Vec::from([at("/body")])));
    }

    #[test]
    fn what_is_absent_has_a_default() {
        assert_eq!(parse("{}"), Ok(Manifest::default()));
        assert_eq!(parse(r#"{"mergeStrategy":"graph_merge"}"#), Ok(Manifest::default()));
        assert_eq!(parse(r#"{"mergeStrategy":{"name":"crdt"}}"#).map(|manifest| manifest.strategy), Ok(Strategy::Crdt));
    }

    #[test]
    fn errors_name_the_place() {
        let wrong = [
            ("[]", "", NotA("an object")),
            (r#"{"colour":1}"#, "/colour", UnknownField),
            (r#"{"schemaVersion":0}"#, "/schemaVersion", NotA("a whole number from 1")),
            (r#"{"schemaVersion":1.5}"#, "/schemaVersion", NotA("a whole number from 1")),
            (r#"{"engineId":1}"#, "/engineId", NotA("a text")),
            (r#"{"ownerRepo":"AB"}"#, "/ownerRepo", NotA("a repo's id")),
            (r#"{"defaultEnabled":1}"#, "/defaultEnabled", NotA("true or false")),
            (r#"{"policyClass":"Low"}"#, "/policyClass", UnknownWord(POLICY_CLASSES.list)),
            (r#"{"encryptionScope":null}"#, "/encryptionScope", UnknownWord(ENCRYPTION_SCOPES.list)),
            (r#"{"dangerousFields":["/a","b"]}"#, "/dangerousFields/1", NotA("a pointer")),
            (r#"{"auditEvents":[1]}"#, "/auditEvents/0", NotA("a text")),
            (r#"{"mergeStrategy":"lww"}"#, "/mergeStrategy", UnknownWord(STRATEGIES.list)),
            (r#"{"mergeStrategy":"quarantine"}"#, "/mergeStrategy", UnsupportedStrategy("quarantine")),
            (r#"{"mergeStrategy":{"name":"never_merge"}}"#, "/mergeStrategy/name", UnsupportedStrategy("never_merge")),
            (r#"{"mergeStrategy":{}}"#, "/mergeStrategy", NotA("a strategy's name")),
            (r#"{"mergeStrategy":1}"#, "/mergeStrategy", NotA("an object")),
            (r#"{"mergeStrategy":{"name":"crdt","tiebreak":"ord"}}"#, "/mergeStrategy/tiebreak", UnknownParameter),
            (r#"{"fields":{"a":"text"}}"#, "/fields/a", NotA("named by a pointer")),
            (r#"{"fields":{"/a":"line"}}"#, "/fields/~1a", UnknownWord(FIELDS.list)),
            (r#"{"fields":{"/a":{"list":1}}}"#, "/fields/~1a", UnknownWord(FIELDS.list)),
            (r#"{"fields":{"/a/b":"text","/a":"set"}}"#, "/fields/~1a~1b", FieldBelowField),
        ];
        for (text, place, problem) in wrong {
            assert_eq!(parse(text), Err(ManifestError { at: at(place), problem }), "{text}");
        }
    }

    #[test]
    fn errors_read_as_sentences() {
        let error = parse(r#"{"mergeStrategy":"append_only"}"#).map_err(|error| error.to_string());
        let expected = "the manifest at \"/mergeStrategy\": this version does not support the strategy append_only";
        assert_eq!(error, Err(expected.into()));
    }
}
