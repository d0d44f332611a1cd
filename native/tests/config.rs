//! Configuration files: what they say, how a mistake in one is named, and that an edit changes one thing.

use std::path::Path;

use tempfile::TempDir;
use trellis_core::admit::policy::{BranchPolicy, Policies};
use trellis_sync::Code;
use trellis_sync::config::{Config, ConfigFile, Key, Scope};

const EXAMPLE: &str = r#"{
  "authorName": "Ann",
  "branchPolicies": {
    "main": { "linear": true, "requireSigning": true },
    "feature/*": { "linear": false },
    "release/1.2": { "serialiser": "relay" }
  }
}
"#;

fn parse(text: &str) -> trellis_sync::error::Result<Config> {
    Config::parse(text, Path::new(".trellis/config.json"), Scope::Repo)
}

fn refusal(text: &str) -> String {
    let refused = parse(text).unwrap_err();
    assert_eq!(refused.code(), Code::ConfigInvalid);
    assert_eq!(refused.path(), Some(Path::new(".trellis/config.json")));
    refused.message().to_owned()
}

fn file_with(text: &str) -> (TempDir, ConfigFile) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.json"), text).unwrap();
    let file = ConfigFile::open(folder.path().join("config.json"), Scope::Repo).unwrap();
    (folder, file)
}

fn text_of(folder: &TempDir) -> String {
    std::fs::read_to_string(folder.path().join("config.json")).unwrap()
}

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

#[test]
fn a_file_says_what_stands_in_it() {
    let config = parse(EXAMPLE).unwrap();
    assert_eq!((config.author_name.as_deref(), config.branch), (Some("Ann"), None));
    let of = |branch| BranchPolicy::of(branch, &config.branch_policies, &Policies::default());
    assert!(of("main").linear);
    assert!(!of("feature/a").linear && of("feature/a").require_signing);
    assert_eq!(of("release/1.2").serialiser.as_deref(), Some("relay"));
    assert_eq!(parse("{}").unwrap(), Config::default());
}

#[test]
fn a_file_that_does_not_exist_says_nothing() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(Config::read(folder.path().join("none.json"), Scope::Repo).unwrap(), Config::default());
}

#[test]
fn the_repos_file_goes_before_the_users() {
    let user = r#"{ "authorName": "Ann at home", "branch": "draft" }"#;
    let user = Config::parse(user, Path::new("user.json"), Scope::User).unwrap();
    let both = parse(EXAMPLE).unwrap().or(user);
    assert_eq!((both.author_name.as_deref(), both.branch.as_deref()), (Some("Ann"), Some("draft")));
    assert!(both.branch_policies.stated("main").linear.unwrap());
}

#[test]
fn policies_have_no_place_in_the_users_file() {
    let refused = Config::parse("{\n\n\"branchPolicies\": {} }", Path::new("user.json"), Scope::User).unwrap_err();
    assert_eq!(refused.code(), Code::ConfigInvalid);
    assert!(refused.message().starts_with("user.json, line 3, field branchPolicies: "), "{refused}");
}

#[test]
fn a_mistake_is_named_with_file_line_and_field() {
    for (text, expected) in [
        ("{\n  \"branchPolicy\": {}\n}", "line 2, field branchPolicy: there is no such field"),
        ("{\n  \"branch\": 7\n}", "line 2, field branch: a text is expected"),
        ("{ \"branch\": \"\" }", "line 1, field branch: a text is expected"),
        ("{\n\"branchPolicies\": [] }", "line 2, field branchPolicies: an object is expected"),
        (
            "{ \"branchPolicies\": {\n \"main\": {},\n \"a/b\": {\n  \"linear\": 1 } } }",
            "line 4, field branchPolicies.a/b.linear: true or false",
        ),
        (
            "{ \"branchPolicies\": {\n \"main\": {\n\n \"lineer\": true } } }",
            "line 4, field branchPolicies.main.lineer: a policy has no such field",
        ),
        ("{ \"branchPolicies\": {\n \"***\": {} } }", "line 2, field branchPolicies.***: a branch pattern has"),
        (
            "{\n \"branch\": \"a\",\n \"branch\": \"b\"\n}",
            "line 3, field branch: an object has two members of this name",
        ),
        ("[\n]", "line 1: an object is expected"),
        ("", "line 1: the JSON text breaks off"),
        ("{\n  // why\n  \"branch\": \"a\"\n}", "line 2: this is not JSON"),
        ("{\n  \"branch\": \"a\",\n}", "line 2: this is not JSON"),
        ("{}\n\n{}", "line 3: something follows"),
        ("{\r\"branch\"\n7}", "line 2: this is not JSON"),
    ] {
        let message = refusal(text);
        assert!(message.starts_with(&format!(".trellis/config.json, {expected}")), "{text}\n{message}");
    }
}

#[test]
fn no_value_of_a_file_stands_in_a_message() {
    for text in [
        r#"{ "branch": 1987654 }"#,
        r#"{ "branchPolicies": { "main": { "linear": "hunter2secret" } } }"#,
        r#"{ "branchPolicies": "hunter2secret" }"#,
        r#"{ "branch": hunter2secret }"#,
        r#"{ "branch": "hunter2secret"#,
    ] {
        let refused = parse(text).unwrap_err();
        let shown = format!("{refused} {refused:?}");
        assert!(!shown.contains("hunter2secret") && !shown.contains("1987654"), "{shown}");
    }
}

#[test]
fn bytes_that_are_no_text_and_files_that_are_too_long_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    std::fs::write(&path, b"{\n\n \"branch\": \"\xff\" }").unwrap();
    let refused = Config::read(&path, Scope::Repo).unwrap_err();
    assert_eq!(refused.code(), Code::ConfigInvalid);
    assert!(refused.message().contains("line 3: the text is not UTF-8"), "{refused}");
    std::fs::write(&path, " ".repeat(1024 * 1024 + 1)).unwrap();
    assert_eq!(Config::read(&path, Scope::Repo).unwrap_err().code(), Code::ConfigInvalid);
}

#[test]
fn settings_have_a_text_form() {
    for text in ["authorName", "branch", "branchPolicies.main.linear", "branchPolicies.release/1.2.*.requireSigning"] {
        assert_eq!(key(text).to_string(), text);
    }
    for text in [
        "",
        "author",
        "branchPolicies",
        "branchPolicies.linear",
        "branchPolicies.main.line",
        "branchPolicies.***.linear",
    ] {
        assert_eq!(Key::parse(text).unwrap_err().code(), Code::InvalidArgument, "{text}");
    }
}

#[test]
fn listing_and_getting_agree_with_the_file() {
    let (_folder, file) = file_with(EXAMPLE);
    let listed: Vec<_> = file.list().into_iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(
        listed,
        [
            "authorName=Ann",
            "branchPolicies.feature/*.linear=false",
            "branchPolicies.main.linear=true",
            "branchPolicies.main.requireSigning=true",
            "branchPolicies.release/1.2.serialiser=relay",
        ]
    );
    assert_eq!(file.get(&key("branchPolicies.main.linear")).as_deref(), Some("true"));
    assert_eq!(file.get(&key("branchPolicies.main.serialiser")), None);
}

#[test]
fn an_edit_changes_one_thing_and_leaves_the_rest_as_it_was_written() {
    let odd = "{\r\n\t\"branch\" : \"a\",\r\n\r\n\t\"branchPolicies\": {\"main\":{\"linear\":   true}}\r\n}";
    let (folder, mut file) = file_with(odd);
    file.set(&key("branchPolicies.main.linear"), "false").unwrap();
    assert_eq!(text_of(&folder), odd.replace("true", "false"));
    file.set(&key("branch"), "b").unwrap();
    assert_eq!(text_of(&folder), odd.replace("true", "false").replace("\"a\"", "\"b\""));
    assert_eq!(file.get(&key("branch")).as_deref(), Some("b"));
    assert_eq!(ConfigFile::open(folder.path().join("config.json"), Scope::Repo).unwrap().list(), file.list());
}

#[test]
fn what_is_set_is_there_and_what_is_unset_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/config.json");
    let mut file = ConfigFile::open(&path, Scope::Repo).unwrap();
    assert_eq!(file.list(), []);
    let settings = [
        ("branchPolicies.feature/*.linear", "true"),
        ("branchPolicies.feature/*.serialiser", "a \"quoted\\\" name"),
        ("branchPolicies.main.requireSigning", "false"),
        ("authorName", "Zoë"),
    ];
    for (name, value) in settings {
        file.set(&key(name), value).unwrap();
        assert_eq!(file.get(&key(name)).as_deref(), Some(value));
    }
    let again = ConfigFile::open(&path, Scope::Repo).unwrap();
    assert_eq!(again.list().len(), settings.len());
    for (name, _) in settings {
        file.unset(&key(name)).unwrap();
        assert_eq!(file.get(&key(name)), None);
    }
    file.unset(&key("branch")).unwrap();
    assert_eq!(Config::read(&path, Scope::Repo).unwrap(), Config::default());
    assert_eq!(std::fs::read_to_string(&path).unwrap().trim(), "{}", "no empty policies are left behind");
}

#[test]
fn a_value_that_does_not_fit_changes_nothing() {
    let (folder, mut file) = file_with(EXAMPLE);
    for (name, value) in [
        ("branchPolicies.main.linear", "yes"),
        ("branchPolicies.main.serialiser", ""),
        ("authorName", "a\nb"),
        ("branch", &"x".repeat(256)),
    ] {
        let refused = file.set(&key(name), value).unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().contains(name), "{refused}");
    }
    assert_eq!(text_of(&folder), EXAMPLE);
    let user = folder.path().join("user.json");
    let refused = ConfigFile::open(&user, Scope::User).unwrap().set(&key("branchPolicies.main.linear"), "true");
    assert_eq!(refused.unwrap_err().code(), Code::ConfigInvalid);
    assert!(!user.exists());
}

#[test]
fn a_file_that_is_wrong_is_not_edited() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    std::fs::write(&path, "{ \"branch\": }").unwrap();
    assert_eq!(ConfigFile::open(&path, Scope::Repo).unwrap_err().code(), Code::ConfigInvalid);
    assert_eq!(text_of(&folder), "{ \"branch\": }");
}

#[cfg(unix)]
#[test]
fn an_edit_keeps_the_mode_and_follows_a_link() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let (folder, _) = file_with(EXAMPLE);
    let [target, link] = ["config.json", "link.json"].map(|name| folder.path().join(name));
    std::fs::set_permissions(&target, PermissionsExt::from_mode(0o640)).unwrap();
    symlink(&target, &link).unwrap();
    ConfigFile::open(&link, Scope::Repo).unwrap().set(&key("branch"), "b").unwrap();
    assert!(link.is_symlink());
    assert!(text_of(&folder).contains("\"b\""));
    assert_eq!(std::fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o640);
}
