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

fn entry_name(batch: BatchId, id: &str) -> String {
    Entry { batch, id, number: 0 }.name()
}

fn named(batches: &[(BatchId, &str)]) -> BTreeSet<String> {
    batches.iter().map(|(batch, id)| entry_name(*batch, id)).collect()
}

#[test]
fn new_keys_wrap_old_ones_unwrap_and_all_is_wrapped_anew() {
    let state = tempfile::tempdir().unwrap();
    let spool = open(state.path(), vec![key("old", 1)]).unwrap();
    let first = write(&spool, b"first");
    assert!(spool.replace_keys(vec![key("new", 2), key("old", 1)]).unwrap());
    let second = write(&spool, b"second");
    assert_eq!(names(&state), named(&[(first, "old"), (second, "new")]));
    let records = |spool: &Spool| (read(spool, first).unwrap(), read(spool, second).unwrap());
    assert_eq!(records(&spool), (b"first".to_vec(), b"second".to_vec()));
    // Without the old one nothing starts, and nothing is exchanged.
    let error = spool.replace_keys(vec![key("new", 2)]).unwrap_err();
    assert_eq!(error.code(), "spool-wrapping-key-missing");
    assert!(error.to_string().contains("\"old\""), "{error}");
    assert_eq!(records(&spool).0, b"first");

    assert_eq!(spool.rewrap().unwrap(), Rewrapped { batches: 1, retired: 1 });
    assert_eq!(names(&state), named(&[(first, "new"), (second, "new")]));
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
    // All are there under both names; of one the new file is torn, of another one the old one.
    let file = |batch: usize, id| store.join(entry_name(batches[batch], id));
    let old = [0, 1, 2].map(|batch| fs::read(file(batch, "old")).unwrap());
    spool.rewrap().unwrap();
    fs::write(file(0, "old"), &old[0]).unwrap();
    fs::write(file(0, "new"), &old[0][..20]).unwrap();
    fs::write(file(1, "old"), &old[1]).unwrap();
    fs::write(file(2, "old"), &old[2][..20]).unwrap();
    for batch in batches {
        assert!(read(&spool, batch).is_ok(), "one of its files is whole");
    }
    // Of what is there nobody knows whether it lasts: each is written once more, and then the others go.
    assert_eq!(spool.rewrap().unwrap(), Rewrapped { batches: 3, retired: 1 });
    assert_eq!(names(&state).len(), 3);
    for batch in batches {
        assert!(read(&spool, batch).is_ok());
        spool.remove(batch).unwrap();
    }
    assert_eq!(names(&state), BTreeSet::new());
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
fn what_a_crash_has_torn_makes_no_key_wrong() {
    let state = tempfile::tempdir().unwrap();
    let spool = open(state.path(), vec![key("k", 1)]).unwrap();
    let [torn, whole] = [0, 1].map(|number| write(&spool, &[number]));
    drop(spool);
    fs::write(state.path().join("data-keys").join(entry_name(torn, "k")), b"SEKI").unwrap();
    assert_eq!(open(state.path(), vec![key("k", 2)]).unwrap_err().code(), "spool-wrapping-key-wrong");
    let spool = open(state.path(), vec![key("k", 1)]).unwrap();
    assert_eq!(read(&spool, whole).unwrap(), [1]);
    assert_eq!(read(&spool, torn).unwrap_err().code(), "spool-damaged");
}

#[test]
fn names_say_what_they_are_of() {
    let batch = BatchId::new(1);
    for number in 0..TRIES {
        let entry = Entry { batch, id: "2026-11", number };
        assert_eq!(Entry::of(&entry.name()), Some(entry));
    }
    for name in ["", "lock", "x.k", &format!("{batch}"), &format!("{batch}.k.x"), &format!("{batch}.k.300")] {
        assert_eq!(Entry::of(name), None, "{name}");
    }
}

#[test]
fn a_key_goes_with_its_batch_and_without_it_nothing_is_read() {
    let state = tempfile::tempdir().unwrap();
    let spool = open(state.path(), vec![key("k", 1)]).unwrap();
    let batches = [0, 1, 2, 3].map(|number| write(&spool, &[number]));
    spool.remove(batches[0]).unwrap();
    spool.destroy_keys(&batches[1..2]).unwrap();
    assert_eq!(spool.reader(batches[1]).unwrap_err().code(), "spool-data-key-gone");
    assert_eq!(names(&state), named(&[(batches[2], "k"), (batches[3], "k")]));
    // A batch that is dropped before it is sealed leaves no key, and what a crash leaves goes at the start.
    drop(spool.create(BatchId::new(2)).unwrap());
    fs::remove_dir_all(state.path().join("spool").join(batches[2].to_string())).unwrap();
    assert_eq!(spool.recover(|batch| batch == batches[3]).unwrap(), [batches[1]]);
    assert_eq!(names(&state), named(&[(batches[3], "k")]));
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
