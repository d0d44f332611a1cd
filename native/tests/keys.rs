//! What the key file promises: private, whole, and never the same key in two folders.

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use common::child_folder;
use tempfile::TempDir;
use trellis_core::op::id::Author;
use trellis_core::op::sign::is_signed_message;
use trellis_sync::Code;
use trellis_sync::keys::{Identity, KeyFile};

fn new_keys() -> (TempDir, KeyFile) {
    let folder = tempfile::tempdir().unwrap();
    let keys = open(folder.path());
    (folder, keys)
}

fn open(folder: &Path) -> KeyFile {
    KeyFile::open_or_create(folder.join("key"), folder).unwrap()
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn run(command: &mut Command) {
    assert!(command.status().unwrap().success());
}

#[test]
fn a_seed_is_always_the_same_key() {
    // RFC 8032, section 7.1, test 1.
    let seed =
        trellis_core::op::hex::parse("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").unwrap();
    let identity = Identity::from_seed(&seed);
    let author = Author::parse_hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a").unwrap();
    assert_eq!(identity.author(), author);
    assert!(is_signed_message(&author, b"", &identity.sign(b"")));
    assert_eq!(trellis_core::op::hex::encode(&identity.sign(b"")[..8]), "e5564300c360ac72");
}

#[test]
fn generated_keys_differ() {
    assert_ne!(Identity::generate().unwrap().author(), Identity::generate().unwrap().author());
}

#[test]
fn keys_outlive_the_process_that_made_them() {
    let (folder, keys) = new_keys();
    let again = open(folder.path());
    assert_eq!(again.author(), keys.author());
    assert!(!again.is_copied().unwrap());
    let signature = again.sign(&keys.author(), b"message").unwrap();
    assert!(is_signed_message(&keys.author(), b"message", &signature));
    let stranger = Identity::generate().unwrap().author();
    assert_eq!(again.sign(&stranger, b"message").unwrap_err().code(), Code::NotFound);
}

#[test]
fn the_file_is_private_whatever_the_umask() {
    if let Some(folder) = child_folder() {
        let mut keys = open(&folder);
        assert_eq!(mode(&folder.join("key")), 0o600);
        keys.rotate().unwrap();
        assert_eq!(mode(&folder.join("key")), 0o600);
        println!("private");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let child = Command::new("sh")
        .args(["-c", "umask 0; exec \"$0\" --exact the_file_is_private_whatever_the_umask --nocapture"])
        .arg(std::env::current_exe().unwrap())
        .env("TRELLIS_TEST_CHILD", folder.path())
        .output()
        .unwrap();
    assert!(child.status.success());
    assert!(String::from_utf8(child.stdout).unwrap().contains("private"));
}

#[test]
fn a_file_that_others_may_read_is_refused() {
    let (folder, keys) = new_keys();
    let path = folder.path().join("key");
    for wide in [0o640, 0o604, 0o620, 0o601] {
        std::fs::set_permissions(&path, PermissionsExt::from_mode(wide)).unwrap();
        let refused = KeyFile::open(&path, folder.path()).unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied);
        assert!(refused.message().contains(&format!("{wide:04o}")), "{refused}");
    }
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o400)).unwrap();
    assert_eq!(KeyFile::open(&path, folder.path()).unwrap().author(), keys.author());
}

#[test]
fn a_copied_folder_is_noticed_and_a_moved_one_is_not() {
    let home = tempfile::tempdir().unwrap();
    let [original, moved, copy] = ["original", "moved", "copy"].map(|name| home.path().join(name));
    std::fs::create_dir(&original).unwrap();
    let keys = open(&original);
    run(Command::new("mv").args([&original, &moved]));
    assert!(!open(&moved).is_copied().unwrap());
    run(Command::new("cp").arg("-r").args([&moved, &copy]));
    let copied = open(&copy);
    assert_eq!(copied.author(), keys.author());
    assert!(copied.is_copied().unwrap());
    assert!(!open(&moved).is_copied().unwrap());
}

#[test]
fn a_rotated_key_is_new_and_the_old_one_vouches_for_it() {
    let home = tempfile::tempdir().unwrap();
    let [original, copy] = ["original", "copy"].map(|name| home.path().join(name));
    std::fs::create_dir(&original).unwrap();
    let old = open(&original).author();
    run(Command::new("cp").arg("-r").args([&original, &copy]));
    let mut keys = open(&copy);
    let new = keys.rotate().unwrap();
    assert_ne!(new, old);
    assert_eq!(keys.author(), new);
    for keys in [&keys, &open(&copy)] {
        assert!(!keys.is_copied().unwrap());
        assert_eq!(keys.former().collect::<Vec<_>>(), [old]);
        assert!(is_signed_message(&old, b"proof", &keys.sign(&old, b"proof").unwrap()));
        assert!(is_signed_message(&new, b"op", &keys.sign(&new, b"op").unwrap()));
    }
    assert_eq!(open(&original).author(), old, "the original goes on as before");
}

#[test]
fn former_keys_stay_in_order_until_they_are_forgotten() {
    let (folder, mut keys) = new_keys();
    let first = keys.author();
    let second = keys.rotate().unwrap();
    let third = keys.rotate().unwrap();
    assert_eq!(open(folder.path()).former().collect::<Vec<_>>(), [first, second]);
    keys.forget_former().unwrap();
    let again = open(folder.path());
    assert_eq!((again.author(), again.former().count()), (third, 0));
    assert_eq!(again.sign(&first, b"").unwrap_err().code(), Code::NotFound);
}

#[test]
fn of_two_handles_that_rotate_the_second_takes_over_the_key_of_the_first() {
    let (folder, mut one) = new_keys();
    let mut other = open(folder.path());
    let new = one.rotate().unwrap();
    assert_eq!(other.rotate().unwrap(), new);
    assert_eq!(other.former().count(), 1);
    assert_eq!(open(folder.path()).author(), new);
}

#[test]
fn all_who_make_the_file_at_once_get_one_key() {
    let folder = tempfile::tempdir().unwrap();
    let authors: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| open(folder.path()).author())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(authors.iter().all(|author| *author == authors[0]));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no other file is left behind");
}

#[test]
fn what_is_shown_has_no_seed_in_it() {
    let (folder, mut keys) = new_keys();
    keys.rotate().unwrap();
    let text = std::fs::read_to_string(folder.path().join("key")).unwrap();
    let seeds: Vec<_> = text.lines().filter(|line| line.starts_with("key") || line.starts_with("former")).collect();
    assert_eq!(seeds.len(), 2);
    let identity = Identity::from_seed(&[0xab; 32]);
    let shown = format!("{keys:?} {keys:#?} {identity:?}");
    for seed in seeds {
        let digits = seed.split_once(' ').unwrap().1;
        assert!(!shown.contains(&digits[..8]));
    }
    assert!(!shown.contains("abab") && !shown.contains("171, 171"));
}

#[test]
fn every_damage_to_the_file_is_noticed() {
    let (folder, mut keys) = new_keys();
    keys.rotate().unwrap();
    let path = folder.path().join("key");
    let whole = std::fs::read(&path).unwrap();
    let code_with = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        KeyFile::open(&path, folder.path()).map(|keys| keys.author()).map_err(|error| error.code())
    };
    for len in 0..whole.len() {
        assert_eq!(code_with(&whole[..len]), Err(Code::StorageCorrupt), "cut to {len} bytes");
    }
    for at in 0..whole.len() {
        for flip in [1, 0x80] {
            let mut bytes = whole.clone();
            bytes[at] ^= flip;
            let code = code_with(&bytes).unwrap_err();
            assert!(matches!(code, Code::StorageCorrupt | Code::SchemaNewer), "byte {at}: {code}");
        }
    }
    assert_eq!(code_with(&[&whole[..], b"\n"].concat()), Err(Code::StorageCorrupt));
    assert_eq!(code_with(b"trellis keys 2\nanything\n"), Err(Code::SchemaNewer));
    assert_eq!(code_with(&whole), Ok(keys.author()));
}

#[test]
fn a_missing_file_or_folder_has_its_own_code() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere");
    assert_eq!(KeyFile::open(folder.path().join("key"), folder.path()).unwrap_err().code(), Code::NotFound);
    assert_eq!(KeyFile::create(nowhere.join("key"), folder.path()).unwrap_err().code(), Code::NotFound);
    assert_eq!(KeyFile::create(folder.path().join("key"), &nowhere).unwrap_err().code(), Code::NotFound);
    let (folder, _) = new_keys();
    let taken = KeyFile::create(folder.path().join("key"), folder.path()).unwrap_err();
    assert_eq!(taken.code(), Code::AlreadyExists);
}
