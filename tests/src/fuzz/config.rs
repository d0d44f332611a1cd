//! Configuration files: what is accepted can be edited, and an edit changes what it is about and nothing else.

use std::cell::OnceCell;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use trellis_sync::Code;
use trellis_sync::config::{Config, ConfigFile, Key, Scope};

use super::Verdict;
use super::texts::jsons;

/// The settings that there are, in the notations that people use, and with every JSON value of the vectors.
pub(super) fn configs() -> Vec<Vec<u8>> {
    let texts = [
        r#"{}"#,
        r#"{"authorName":"Ann","branch":"main"}"#,
        "{\n  \"branch\": \"draft\",\n  \"branchPolicies\": {\n    \"main\": {\"linear\": true}\n  }\n}\n",
        r#"{"branchPolicies":{"release/*":{"linear":true,"requireSigning":false,"serialiser":"hub"},"**":{}}}"#,
        "{\"branchPolicies\":{\"a.b\":{\"requireSigning\":true}},\r\n\t\"authorName\":\"\\u00e4\\n\"}",
        r#"{"authorName":"Ann",}"#,
        r#"{"authorName":"Ann" /* me */}"#,
        r#"{"branchPolicies":{"***":{"linear":1}}}"#,
        r#"{"branch":"main","branch":"other"}"#,
    ];
    let with = |value: Vec<u8>| [br#"{"authorName":"#, value.as_slice(), b"}"].concat();
    texts.iter().map(|text| text.as_bytes().to_vec()).chain(jsons().into_iter().map(with)).collect()
}

pub(super) fn config(bytes: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(bytes) else {
        let opened = with_file(bytes, |path| ConfigFile::open(path, Scope::Repo).map(drop));
        assert_eq!(opened.expect_err("no text").code(), Code::ConfigInvalid);
        return Verdict::Refused;
    };
    let path = Path::new("config.json");
    match Config::parse(text, path, Scope::Repo) {
        Ok(config) => {
            let of_user = Config::parse(text, path, Scope::User);
            assert!(of_user.is_err() || of_user.is_ok_and(|of_user| of_user == config));
            with_file(bytes, |path| edit(path, &config));
            Verdict::Accepted
        }
        Err(error) => {
            let line = error.message().strip_prefix("config.json, line ").expect("the message names the line");
            let digits = line.find(|char: char| !char.is_ascii_digit()).expect("more than the line");
            let line: usize = line[..digits].parse().expect("the line is a number");
            assert!((1..=1 + text.matches('\n').count()).contains(&line), "{error}");
            Verdict::Refused
        }
    }
}

/// Gives each setting the value that it has, twice, and then takes them all out.
fn edit(path: &Path, config: &Config) {
    let open = || ConfigFile::open(path, Scope::Repo).expect("what was parsed can be opened");
    let settings = open().list();
    let set = |(key, value): &(Key, String)| {
        assert_eq!(Key::parse(&key.to_string()).as_ref().ok(), Some(key));
        let mut file = open();
        file.set(key, value).expect("a value that a setting has can be given to it");
        assert_eq!(file.config(), config, "{key}");
        assert_eq!((open().config(), open().get(key).as_ref()), (config, Some(value)), "{key}");
    };
    settings.iter().for_each(set);
    let once = fs::read(path).expect("the file");
    settings.iter().for_each(set);
    assert!(fs::read(path).expect("the file") == once, "the same settings are written as the same bytes");
    for (key, _) in &settings {
        open().unset(key).expect("a setting can be taken out");
        assert_eq!(open().get(key), None);
    }
    assert_eq!(open().list(), []);
}

/// Puts bytes into a file of this thread's own, in memory where the system has such a folder: edits are synced.
fn with_file<T>(bytes: &[u8], act: impl FnOnce(&Path) -> T) -> T {
    thread_local! {
        static FOLDER: OnceCell<TempDir> = const { OnceCell::new() };
    }
    FOLDER.with(|folder| {
        let folder = folder.get_or_init(|| {
            let memory = PathBuf::from("/dev/shm");
            let within = if memory.is_dir() { memory } else { std::env::temp_dir() };
            tempfile::tempdir_in(within).expect("a folder")
        });
        let path = folder.path().join("config.json");
        fs::write(&path, bytes).expect("the file can be written");
        act(&path)
    })
}
