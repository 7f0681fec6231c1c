use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::spool::{Encryption, Spool};

fn key(id: &str, byte: u8) -> WrappingKey {
    WrappingKey::from_bytes(id, &[byte; 32]).unwrap()
}

fn open(state: &Path, keys: Vec<WrappingKey>) -> Result<Spool> {
    let encryption = Encryption { folder: state.join("data-keys"), keys };
    Spool::open_with(&state.join("spool"), &state.join("spool.key"), Some(encryption))
}

fn write(spool: &Spool, record: &[u8]) -> BatchId {
    let mut writer = spool.create(BatchId::new(1)).unwrap();
    writer.push(record, Some(b"key")).unwrap();
    writer.seal().unwrap().batch
}

fn read(spool: &Spool, batch: BatchId) -> Result<Vec<u8>> {
    let reader = spool.reader(batch)?;
    let mut records = reader.read(0..1)?;
    Ok(records.next()?.unwrap().1.to_vec())
}

/// The names in the store.
fn names(state: &TempDir) -> BTreeSet<String> {
    let entries = fs::read_dir(state.path().join("data-keys")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn named(batches: &[(BatchId, &str)], checks: &[&str]) -> BTreeSet<String> {
    let checks = checks.iter().map(|id| check_name(id));
    batches.iter().map(|(batch, id)| entry_name(*batch, id)).chain(checks).collect()
}

#[test]
fn new_keys_wrap_old_ones_unwrap_and_all_is_wrapped_anew() {
    let state = tempfile::tempdir().unwrap();
    let spool = open(state.path(), vec![key("old", 1)]).unwrap();
    let first = write(&spool, b"first");
    assert!(spool.replace_keys(vec![key("new", 2), key("old", 1)]).unwrap());
    let second = write(&spool, b"second");
    assert_eq!(names(&state), named(&[(first, "old"), (second, "new")], &["old", "new"]));
    let records = |spool: &Spool| (read(spool, first).unwrap(), read(spool, second).unwrap());
    assert_eq!(records(&spool), (b"first".to_vec(), b"second".to_vec()));
    // Without the old one nothing starts, and nothing is exchanged.
    let error = spool.replace_keys(vec![key("new", 2)]).unwrap_err();
    assert_eq!(error.code(), "spool-wrapping-key-missing");
    assert!(error.to_string().contains("\"old\""), "{error}");
    assert_eq!(records(&spool).0, b"first");

    assert_eq!(spool.rewrap().unwrap(), Rewrapped { batches: 1, retired: 1 });
    assert_eq!(names(&state), named(&[(first, "new"), (second, "new")], &["new"]));
    assert_eq!(spool.rewrap().unwrap(), Rewrapped::default());
    assert_eq!(records(&spool), (b"first".to_vec(), b"second".to_vec()));
    drop(spool);
    let spool = open(state.path(), vec![key("new", 2)]).unwrap();
    assert_eq!(records(&spool), (b"first".to_vec(), b"second".to_vec()));
}

/// Wherever it breaks off, everything can be read, and the next try goes on.
#[test]
fn wrapping_anew_may_break_off_anywhere() {
    let state = tempfile::tempdir().unwrap();
    let spool = open(state.path(), vec![key("old", 1)]).unwrap();
    let batches = [0, 1, 2].map(|number| write(&spool, &[number]));
    spool.replace_keys(vec![key("new", 2), key("old", 1)]).unwrap();
    let store = state.path().join("data-keys");
    // One is there already, under both names; of another one the new file is torn.
    let old = fs::read(store.join(entry_name(batches[0], "old"))).unwrap();
    spool.rewrap().unwrap();
    fs::write(store.join(entry_name(batches[0], "old")), &old).unwrap();
    fs::write(store.join(entry_name(batches[0], "new")), &old[..20]).unwrap();
    assert!(read(&spool, batches[0]).is_err(), "a torn file is no key");
    assert_eq!(spool.rewrap().unwrap().batches, 1);
    for batch in batches {
        assert!(read(&spool, batch).is_ok());
    }
    assert_eq!(names(&state), named(&batches.map(|batch| (batch, "new")), &["new"]));
}

#[test]
fn a_wrong_or_missing_wrapping_key_is_an_error_at_the_start() {
    let state = tempfile::tempdir().unwrap();
    let spool = open(state.path(), vec![key("k", 1)]).unwrap();
    let batch = write(&spool, b"record");
    drop(spool);
    let refused = |keys| open(state.path(), keys).unwrap_err().code();
    assert_eq!(refused(vec![key("k", 2)]), "spool-wrapping-key-wrong");
    assert_eq!(refused(vec![key("other", 1)]), "spool-wrapping-key-missing");
    assert_eq!(refused(Vec::new()), "spool-wrapping-key-missing");
    // Nor is it read by a gateway that knows of no encryption.
    let plain = Spool::open(&state.path().join("spool"), &state.path().join("spool.key")).unwrap();
    assert_eq!(plain.reader(batch).unwrap_err().code(), "spool-encrypted");
    drop(plain);
    let spool = open(state.path(), vec![key("k", 1)]).unwrap();
    assert_eq!(read(&spool, batch).unwrap(), b"record");
}

#[test]
fn a_check_that_broke_off_when_it_was_made_is_made_again() {
    let state = tempfile::tempdir().unwrap();
    drop(open(state.path(), vec![key("k", 1)]).unwrap());
    fs::write(state.path().join("data-keys/check.k"), b"SEKI").unwrap();
    let spool = open(state.path(), vec![key("k", 1)]).unwrap();
    let batch = write(&spool, b"record");
    drop(spool);
    fs::write(state.path().join("data-keys/check.k"), b"SEKI").unwrap();
    // Now there is something that nobody may take for readable.
    assert_eq!(open(state.path(), vec![key("k", 1)]).unwrap_err().code(), "spool-wrapping-key-wrong");
    assert!(names(&state).contains(&entry_name(batch, "k")));
}

#[test]
fn a_key_goes_with_its_batch_and_without_it_nothing_is_read() {
    let state = tempfile::tempdir().unwrap();
    let spool = open(state.path(), vec![key("k", 1)]).unwrap();
    let batches = [0, 1, 2, 3].map(|number| write(&spool, &[number]));
    spool.remove(batches[0]).unwrap();
    spool.destroy_keys(&batches[1..2]).unwrap();
    assert_eq!(spool.reader(batches[1]).unwrap_err().code(), "spool-data-key-gone");
    assert_eq!(names(&state), named(&[(batches[2], "k"), (batches[3], "k")], &["k"]));
    // A batch that is dropped before it is sealed leaves no key, and what a crash leaves goes at the start.
    drop(spool.create(BatchId::new(2)).unwrap());
    fs::remove_dir_all(state.path().join("spool").join(batches[2].to_string())).unwrap();
    assert_eq!(spool.recover(|batch| batch == batches[3]).unwrap(), [batches[1]]);
    assert_eq!(names(&state), named(&[(batches[3], "k")], &["k"]));
    assert_eq!(read(&spool, batches[3]).unwrap(), [3]);
}

#[test]
fn a_key_belongs_to_its_batch_and_is_whole() {
    let state = tempfile::tempdir().unwrap();
    let spool = open(state.path(), vec![key("k", 1)]).unwrap();
    let [one, two] = [0, 1].map(|number| write(&spool, &[number]));
    let store = state.path().join("data-keys");
    let (one_file, two_file) = (store.join(entry_name(one, "k")), store.join(entry_name(two, "k")));
    let (one_key, two_key) = (fs::read(&one_file).unwrap(), fs::read(&two_file).unwrap());
    assert_eq!(one_key.len(), FILE);
    fs::write(&one_file, &two_key).unwrap();
    assert_eq!(spool.reader(one).unwrap_err().code(), "spool-damaged");
    for at in 0..FILE {
        let mut bytes = one_key.clone();
        bytes[at] ^= 1;
        fs::write(&one_file, &bytes).unwrap();
        let code = spool.reader(one).unwrap_err().code();
        assert!(code == "spool-damaged" || code == "spool-newer", "byte {at}: {code}");
    }
    fs::write(&one_file, &one_key[..FILE - 1]).unwrap();
    assert_eq!(spool.reader(one).unwrap_err().code(), "spool-damaged");
    fs::write(&one_file, &one_key).unwrap();
    assert!(read(&spool, one).is_ok());
}
