//! The scenarios that every runtime takes, by plain data, and whose log is the same everywhere.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use trellis_sync::core::input::Choice;
use trellis_sync::core::op::json::parse;
use trellis_sync::link::Welcome;
use trellis_sync::surface::{Answer, Command, Conflict, Entity, Hex, Plan, PlanItem, Said, Shown};
use trellis_sync::transport::memory;
use trellis_sync::{Repo, Result, Session};

/// Nothing here takes so long unless it never ends.
const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn a_scenario_has_the_same_log_everywhere() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/scenarios");
    let mut taken = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let scenario: Value = serde_json::from_slice(&std::fs::read(entry.unwrap().path()).unwrap()).unwrap();
        assert_eq!(json!(log_of(&scenario)), scenario["log"]);
        taken += 1;
    }
    assert!(taken > 0);
}

fn log_of(scenario: &Value) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let play = async {
        let mut stage = Stage {
            folder: TempDir::new().unwrap(),
            repos: HashMap::new(),
            last: HashMap::new(),
            sessions: HashMap::new(),
        };
        let mut log = Vec::new();
        for step in scenario["steps"].as_array().unwrap() {
            let name = step.get("repo").or(step.get("to")).and_then(Value::as_str).unwrap_or_default();
            match stage.take(step).await {
                Ok(lines) => log.extend(lines),
                Err(code) => log.push(format!("{name} {code}")),
            }
        }
        log
    };
    runtime.block_on(async { tokio::time::timeout(LIMIT, play).await.unwrap() })
}

struct Stage {
    folder: TempDir,
    repos: HashMap<String, Repo>,
    /// The ops of the last write.
    last: HashMap<String, Vec<Hex<32>>>,
    /// The session of each repo.
    sessions: HashMap<String, Session>,
}

type Told = std::result::Result<Vec<String>, &'static str>;

fn text<'a>(step: &'a Value, name: &str) -> &'a str {
    step[name].as_str().unwrap()
}

fn coded<T>(result: Result<T>) -> std::result::Result<T, &'static str> {
    result.map_err(|error| error.code().as_str())
}

impl Stage {
    async fn repo(&mut self, name: &str) -> Repo {
        if !self.repos.contains_key(name) {
            let repo = Repo::open(self.folder.path().join(name)).await.unwrap();
            self.repos.insert(name.into(), repo);
        }
        self.repos[name].clone()
    }

    async fn take(&mut self, step: &Value) -> Told {
        match text(step, "do") {
            "write" => self.write(text(step, "repo"), "main", &step["edits"]).await,
            "session" => self.open_session(text(step, "repo"), text(step, "branch")).await,
            "draft" => self.write(text(step, "repo"), "draft", &step["edits"]).await,
            "preview" => self.preview(text(step, "repo")).await,
            "apply" => self.apply(text(step, "repo")).await,
            "settle" => self.settle(text(step, "repo"), &step["side"]).await,
            "phase" => Ok(vec![format!("{} {}", text(step, "repo"), phase(self.session(text(step, "repo"))))]),
            "copy" => self.copy(text(step, "from"), text(step, "to")).await,
            "meet" => self.meet(step["repos"][0].as_str().unwrap(), step["repos"][1].as_str().unwrap()).await,
            "show" => self.show(text(step, "repo"), text(step, "place")).await,
            "conflicts" => self.conflicts(text(step, "repo")).await,
            "resolve" => self.resolve(text(step, "repo"), &step["side"]).await,
            "durable" => self.durable(step).await,
            other => panic!("{other} is no step"),
        }
    }

    fn session(&mut self, name: &str) -> &mut Session {
        self.sessions.get_mut(name).unwrap()
    }

    async fn open_session(&mut self, name: &str, branch: &str) -> Told {
        let session = coded(self.repo(name).await.session(branch).await)?;
        self.sessions.insert(name.into(), session);
        Ok(vec![format!("{name} drafts {branch}")])
    }

    async fn preview(&mut self, name: &str) -> Told {
        let plan: Plan = coded(self.session(name).preview().await)?.clone().into();
        let line = |PlanItem { collection, key, after, conflicts, .. }: &PlanItem| {
            let opened: Vec<String> = conflicts.iter().map(|conflict| format!(" !{}", conflict.path)).collect();
            format!("{name} {collection}/{key} {}{}", shown(after), opened.concat())
        };
        let lines: Vec<String> = plan.items.iter().map(line).collect();
        Ok(if lines.is_empty() { vec![format!("{name} nothing")] } else { lines })
    }

    async fn apply(&mut self, name: &str) -> Told {
        let session = self.session(name);
        let receipt = coded(session.apply(None).await)?;
        Ok(vec![format!("{name} wrote {}, {}", receipt.ops().len(), phase(session))])
    }

    async fn settle(&mut self, name: &str, wanted: &Value) -> Told {
        let session = self.session(name);
        let conflict = coded(session.conflicts().await)?.remove(0);
        let side = conflict.sides.iter().find(|side| said(&side.value.clone().into()) == word(wanted)).unwrap().op;
        let receipt = coded(session.resolve(&conflict, Choice::Side(side)).await)?;
        Ok(vec![format!("{name} wrote {}, {}", receipt.ops().len(), phase(session))])
    }

    async fn write(&mut self, name: &str, branch: &str, edits: &Value) -> Told {
        let command = json!({ "type": "write", "branch": branch, "edits": edits });
        let command: Command = serde_json::from_value(command).map_err(|_| "invalid_argument")?;
        let Answer::Written { ops } = coded(self.repo(name).await.carry_out(command).await)? else { panic!() };
        let told = format!("{name} wrote {}", ops.len());
        self.last.insert(name.into(), ops);
        Ok(vec![told])
    }

    async fn copy(&mut self, from: &str, to: &str) -> Told {
        let ops = coded(self.repo(from).await.export(Vec::new()).await)?;
        let report = coded(self.repo(to).await.import(ops).await)?;
        Ok(vec![format!("{to} took {}", report.admitted.len())])
    }

    async fn meet(&mut self, one: &str, other: &str) -> Told {
        let (here, there) = (self.repo(one).await, self.repo(other).await);
        let (ours, theirs) = memory::pair();
        let (mut dialled, mut answered) = (here.connect(ours), there.accept(theirs, Welcome::Anyone));
        coded(dialled.in_sync().await)?;
        coded(answered.in_sync().await)?;
        Ok(vec![format!("{one} and {other} have {}", coded(here.status().await)?.ops)])
    }

    async fn show(&mut self, name: &str, place: &str) -> Told {
        let found: Entity = coded(self.repo(name).await.find(place, Vec::new()).await)?;
        Ok(vec![format!("{name} {place} {}", shown(&found.shown))])
    }

    async fn open_conflicts(&mut self, name: &str) -> Vec<Conflict> {
        let command = serde_json::from_value(json!({ "type": "conflicts", "branch": "main" })).unwrap();
        let Answer::Conflicts { conflicts } = self.repo(name).await.carry_out(command).await.unwrap() else { panic!() };
        conflicts
    }

    async fn conflicts(&mut self, name: &str) -> Told {
        let line = |conflict: &Conflict| {
            let mut sides: Vec<String> = conflict.sides.iter().map(|side| said(&side.value)).collect();
            sides.sort();
            let Conflict { collection, key, path, base, .. } = conflict;
            format!("{name} {collection}/{key}{path} {}: {}", shown(base), sides.join(" | "))
        };
        let lines: Vec<String> = self.open_conflicts(name).await.iter().map(line).collect();
        Ok(if lines.is_empty() { vec![format!("{name} none")] } else { lines })
    }

    async fn resolve(&mut self, name: &str, wanted: &Value) -> Told {
        let conflict = self.open_conflicts(name).await.remove(0);
        let side = conflict.sides.iter().find(|side| said(&side.value) == word(wanted)).unwrap();
        let named = json!({ "collection": conflict.collection, "key": conflict.key, "id": conflict.id });
        let choice = json!({ "type": "side", "op": side.op });
        self.write(name, "main", &json!([{ "type": "resolve", "conflict": named, "choice": choice }])).await
    }

    async fn durable(&mut self, step: &Value) -> Told {
        let (name, limit) = (text(step, "repo"), Duration::from_millis(step["timeoutMs"].as_u64().unwrap()));
        let ops = self.last[name].clone();
        coded(self.repo(name).await.safe(ops, text(step, "tier"), limit).await)?;
        Ok(vec![format!("{name} is safe")])
    }
}

fn phase(session: &Session) -> &'static str {
    session.phase().name()
}

fn shown(shown: &Shown) -> String {
    match shown {
        Shown::Json { value } => value.0.to_string(),
        other => serde_json::to_value(other).unwrap()["type"].as_str().unwrap().into(),
    }
}

fn said(said: &Said) -> String {
    if let Said::Json { value } = said { value.0.to_string() } else { panic!("{said:?}") }
}

fn word(value: &Value) -> String {
    parse(value.to_string().as_bytes()).unwrap().to_string()
}
