use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::spool::key_index::{Entries, KeySorter};

fn spool(state: &TempDir) -> Spool {
    Spool::open(&state.path().join("spool"), &state.path().join("spool.key")).unwrap()
}

fn state() -> TempDir {
    tempfile::tempdir().unwrap()
}

type Written = (Vec<u8>, Option<Vec<u8>>);

fn write(spool: &Spool, records: &[Written]) -> (BatchId, Sealed) {
    let batch = BatchId::new(1);
    let mut writer = spool.create(batch).unwrap();
    for (record, key) in records {
        writer.push(record, key.as_deref()).unwrap();
    }
    (batch, writer.seal().unwrap())
}

fn read(reader: &SpoolReader, range: std::ops::Range<u64>) -> Result<Vec<(u64, Vec<u8>)>> {
    let mut records = reader.read(range)?;
    let mut all = Vec::new();
    while let Some((position, record)) = records.next()? {
        all.push((position, record.to_vec()));
    }
    Ok(all)
}

fn numbered(count: u64) -> Vec<Written> {
    (0..count)
        .map(|n| (format!("record {n}").into_bytes(), Some(format!("key {}", n % 500).into_bytes())))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// What goes in comes out, by any range, whatever the segments' length.
    #[test]
    fn gives_back_what_it_was_given(
        lengths in prop::collection::vec(prop_oneof![99 => 0usize..40, 1 => 0usize..3_000], 0..900),
        keys in 1u64..300,
        segment in prop_oneof![1 => Just(1u64), 4 => Just(700), 4 => Just(3_000), 2 => Just(100_000)],
        ranges in prop::collection::vec((0u64..950, 0u64..950), 6),
    ) {
        let state = state();
        let spool = spool(&state).with_segment_bytes(segment);
        let records: Vec<Written> = lengths
            .iter()
            .enumerate()
            .map(|(n, length)| {
                let key = (n % 7 != 0).then(|| format!("{}", n as u64 % keys).into_bytes());
                (vec![n as u8; *length], key)
            })
            .collect();
        let (batch, sealed) = write(&spool, &records);
        let reader = spool.reader(batch).unwrap();
        prop_assert_eq!(sealed.records, records.len() as u64);
        prop_assert_eq!(sealed.bytes, lengths.iter().sum::<usize>() as u64);
        prop_assert_eq!(Sealed { duplicate_keys: sealed.duplicate_keys.clone(), ..reader.sealed() }, sealed.clone());

        for (start, end) in ranges.into_iter().chain([(0, u64::MAX)]) {
            let expected: Vec<_> = records
                .iter()
                .enumerate()
                .map(|(n, (record, _))| (n as u64, record.clone()))
                .filter(|(n, _)| (start..end).contains(n))
                .collect();
            prop_assert_eq!(read(&reader, start..end).unwrap(), expected);
        }

        let mut by_key: HashMap<&[u8], Vec<u64>> = HashMap::new();
        for (n, (_, key)) in records.iter().enumerate() {
            if let Some(key) = key {
                by_key.entry(key).or_default().push(n as u64);
            }
        }
        for (key, positions) in &by_key {
            prop_assert_eq!(&reader.positions(key).unwrap(), positions);
        }
        prop_assert!(reader.positions(b"no such key").unwrap().is_empty());
        let mut pairs: Vec<_> =
            by_key.values().flat_map(|all| all[1..].iter().map(|later| (all[0], *later))).collect();
        pairs.sort_unstable_by_key(|pair| pair.1);
        prop_assert_eq!(sealed.duplicates, pairs.len() as u64);
        prop_assert_eq!(&sealed.duplicate_keys, &pairs);
        let mut streamed = Vec::new();
        let mut duplicates = reader.duplicates();
        while let Some(pair) = duplicates.next().unwrap() {
            streamed.push(pair);
        }
        streamed.sort_unstable_by_key(|pair| pair.1);
        prop_assert_eq!(streamed, pairs);
    }

    /// One bit changed anywhere in any file is found, and nothing wrong is ever handed out.
    #[test]
    fn a_changed_bit_is_found(file in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let state = state();
        let spool = spool(&state).with_segment_bytes(4_000);
        let records = numbered(700);
        let (batch, _) = write(&spool, &records);
        let mut files: Vec<_> =
            fs::read_dir(spool.folder_of(batch)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let path = file.get(&files);
        let mut bytes = fs::read(path).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        fs::write(path, &bytes).unwrap();

        let outcome = spool.reader(batch).and_then(|reader| {
            let all = read(&reader, 0..700)?;
            for n in 0..500 {
                assert_eq!(reader.positions(format!("key {n}").as_bytes())?.first(), Some(&n));
            }
            (0..700).step_by(256).try_for_each(|n| read(&reader, n..n + 1).map(|one| assert_eq!(one, all[n as usize..][..1])))?;
            Ok(all)
        });
        match outcome {
            Err(error) => prop_assert!(
                matches!(error.code(), "spool-damaged" | "spool-newer" | "spool-other-key" | "spool-batch-not-sealed"),
                "{}", error
            ),
            // No harm: a bit of the fill of a page that nobody had to read.
            Ok(_) => prop_assert!(false, "nobody saw it in {:?}", path),
        }
    }

    /// Sorting in memory, from runs, and from runs of runs comes to the same.
    #[test]
    fn sorts_in_any_number_of_passes(keys in prop::collection::vec(0u64..400, 0..1_500), sorted in 1usize..40) {
        let state = state();
        let spool = spool(&state);
        let mut found = Vec::new();
        for (sorted, fan_in) in [(10_000, 2), (sorted, 2), (sorted, 7)] {
            let batch = BatchId::new(1);
            let folder = spool.folder_of(batch);
            fs::create_dir(&folder).unwrap();
            let mut writer = index::IndexWriter::create(&FileSystem, &folder, batch).unwrap();
            let mut sorter = KeySorter::with_bounds(Arc::new(FileSystem), &folder, sorted, fan_in);
            for (position, key) in keys.iter().enumerate() {
                sorter.push(spool.keys().fingerprint(&key.to_le_bytes()), position as u64).unwrap();
            }
            let key_page = writer.flush_all(spool.keys()).unwrap();
            let merged = sorter.merge(&writer, spool.keys(), batch, key_page).unwrap();
            let head = index::Head {
                records: keys.len() as u64, segments: 0, bytes: 0, digest: Digest::of(b""),
                keyed: merged.keyed, duplicates: merged.duplicates, key_page, encrypted: false };
            writer.seal(spool.keys(), &head).unwrap();
            prop_assert!(!folder.join("runs").exists());
            let index = Index::open(&FileSystem, &folder, spool.keys(), batch).unwrap();
            let mut entries = Entries::new();
            let mut all = Vec::new();
            while let Some(entry) = entries.next(&index, spool.keys()).unwrap() {
                all.push(entry);
            }
            prop_assert!(all.is_sorted());
            for (fingerprint, _) in &all {
                let first = Entries::from(&index, spool.keys(), *fingerprint).unwrap().next(&index, spool.keys()).unwrap();
                prop_assert_eq!(first, all.iter().find(|entry| entry.0 == *fingerprint).copied());
            }
            found.push((all, merged.pairs));
        }
        prop_assert!(found.windows(2).all(|pair| pair[0] == pair[1]));
    }
}

#[test]
fn a_batch_without_records_has_a_last_segment() {
    let state = state();
    let spool = spool(&state);
    let (batch, sealed) = write(&spool, &[]);
    assert_eq!((sealed.records, sealed.segments), (0, 1));
    assert_eq!(sealed.records_digest, Digest::of(b""));
    assert_eq!(read(&spool.reader(batch).unwrap(), 0..5).unwrap(), []);
}

#[test]
fn the_digest_does_not_depend_on_segments() {
    let state = state();
    let records = numbered(300);
    let spool = spool(&state);
    let (_, long) = write(&spool, &records);
    let (_, short) = write(&spool.clone().with_segment_bytes(100), &records);
    assert!(short.segments > long.segments);
    assert_eq!(short.records_digest, long.records_digest);
}

#[test]
fn a_dropped_batch_leaves_nothing() {
    let state = state();
    let spool = spool(&state).with_segment_bytes(100_000);
    let mut writer = spool.create(BatchId::new(1)).unwrap();
    for (record, key) in numbered(20_000) {
        writer.push(&record, key.as_deref()).unwrap();
    }
    let batch = writer.batch();
    assert!(spool.folder_of(batch).join("runs").exists());
    drop(writer);
    assert_eq!(spool.batches().unwrap(), []);
    assert!(matches!(spool.reader(batch), Err(SpoolError::Unknown(_))));
    spool.remove(batch).unwrap();
}

#[test]
fn a_record_that_is_too_long_spoils_the_batch() {
    let state = state();
    let spool = spool(&state);
    let mut writer = spool.create(BatchId::new(1)).unwrap();
    writer.push(&vec![7; MOST_RECORD_BYTES as usize], None).unwrap();
    let error = writer.push(&vec![7; MOST_RECORD_BYTES as usize + 1], None).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<SpoolError>()).unwrap();
    assert!(matches!(inner, SpoolError::RecordTooLong { record: 2, .. }), "{inner}");
    assert!(writer.push(b"short", None).is_err());
    assert!(writer.seal().is_err());
    assert_eq!(spool.batches().unwrap(), []);
}

#[test]
fn a_failed_write_is_an_error_and_leaves_nothing() {
    let state = state();
    let spool = spool(&state).with_segment_bytes(100);
    let mut writer = spool.create(BatchId::new(1)).unwrap();
    writer.push(&[1; 80], None).unwrap();
    // The next segment's name is taken by something that cannot be opened for writing.
    fs::create_dir(segment_path(&spool.folder_of(writer.batch()), 1)).unwrap();
    assert!(writer.push(&[1; 80], None).is_err());
    drop(writer);
    assert_eq!(spool.batches().unwrap(), []);
}

#[test]
fn files_are_for_their_owner_only() {
    let state = state();
    let spool = spool(&state);
    let (batch, _) = write(&spool, &numbered(3));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&state.path().join("spool.key")), 0o600);
    assert_eq!(mode(&state.path().join("spool")), 0o700);
    assert_eq!(mode(&spool.folder_of(batch)), 0o700);
    for entry in fs::read_dir(spool.folder_of(batch)).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
}

#[test]
fn the_key_file_is_guarded() {
    let state = state();
    let (folder, key) = (state.path().join("spool"), state.path().join("spool.key"));
    let first = Spool::open(&folder, &key).unwrap();
    assert!(matches!(Spool::open(&folder, &key), Err(SpoolError::InUse { .. })));
    let (batch, _) = write(&first, &numbered(3));
    drop(first);

    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(Spool::open(&folder, &key).unwrap_err().code(), "spool-key-file");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let right = fs::read(&key).unwrap();
    fs::write(&key, b"short").unwrap();
    assert_eq!(Spool::open(&folder, &key).unwrap_err().code(), "spool-key-file");
    fs::write(&key, [9; 32]).unwrap();
    let other = Spool::open(&folder, &key).unwrap();
    assert_eq!(other.reader(batch).unwrap_err().code(), "spool-other-key");
    drop(other);
    fs::remove_file(&key).unwrap();
    assert_eq!(Spool::open(&folder, &key).unwrap_err().code(), "spool-key-file");
    assert!(!key.exists(), "no new key beside batches of an old one");
    fs::write(&key, right).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(read(&Spool::open(&folder, &key).unwrap().reader(batch).unwrap(), 0..3).unwrap().len(), 3);
    assert_eq!(fs::read_dir(state.path()).unwrap().count(), 2, "no draft of a key stays behind");
}

#[test]
fn a_segment_of_another_batch_or_place_is_refused() {
    let state = state();
    let spool = spool(&state).with_segment_bytes(1_000);
    let (one, _) = write(&spool, &numbered(300));
    let (two, _) = write(&spool, &numbered(300));
    let path = |batch, counter| segment_path(&spool.folder_of(batch), counter);
    let good = fs::read(path(one, 0)).unwrap();
    for (batch, counter) in [(two, 0), (one, 1)] {
        fs::write(path(one, 0), fs::read(path(batch, counter)).unwrap()).unwrap();
        let error = read(&spool.reader(one).unwrap(), 0..300).unwrap_err();
        assert_eq!(error.code(), "spool-damaged");
    }
    fs::write(path(one, 0), &good).unwrap();
    fs::remove_file(path(one, 2)).unwrap();
    assert_eq!(read(&spool.reader(one).unwrap(), 0..300).unwrap_err().code(), "spool-damaged");
    fs::write(path(one, 0), &good[..50]).unwrap();
    assert_eq!(read(&spool.reader(one).unwrap(), 0..1).unwrap_err().code(), "spool-damaged");
}

#[test]
fn recovery_keeps_what_was_promised() {
    let state = state();
    let spool = spool(&state);
    let (kept, _) = write(&spool, &numbered(3));
    let (lost, _) = write(&spool, &numbered(3));
    let unsealed = BatchId::new(2);
    fs::create_dir(spool.folder_of(unsealed)).unwrap();
    assert!(matches!(spool.reader(unsealed), Err(SpoolError::NotSealed(_))));
    fs::create_dir(state.path().join("spool/lost+found")).unwrap();
    let mut expected = vec![lost, unsealed];
    expected.sort();
    assert_eq!(spool.recover(|batch| batch == kept).unwrap(), expected);
    assert_eq!(spool.batches().unwrap(), [kept]);
    assert!(state.path().join("spool/lost+found").exists());
    assert!(matches!(spool.create(kept), Err(SpoolError::Exists(_))));
    assert_eq!(read(&spool.reader(kept).unwrap(), 1..2).unwrap().len(), 1);
}

#[test]
fn nothing_of_a_key_or_record_lies_about_unasked() {
    let state = state();
    let spool = spool(&state);
    let (batch, _) = write(&spool, &[(b"the record".to_vec(), Some(b"the resident".to_vec()))]);
    let index = fs::read(spool.folder_of(batch).join("index")).unwrap();
    assert!(!index.windows(8).any(|window| window == b"resident"));
}

/// Room for a number of bytes.
#[derive(Debug)]
struct Left(std::sync::atomic::AtomicU64);

impl Allowance for Left {
    fn take(&self, bytes: u64) -> bool {
        use std::sync::atomic::Ordering::SeqCst;
        self.0.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(bytes)).is_ok()
    }
}

#[test]
fn a_batch_takes_the_room_that_it_has_and_leaves_nothing_where_that_is_not_enough() {
    let state = state();
    let spool = spool(&state);
    let records = numbered(10);
    let whole: u64 = records.iter().map(|(record, _)| record.len() as u64 + Spool::BESIDE_A_RECORD).sum();
    for (room, fits) in [(whole, true), (whole - 1, false), (0, false)] {
        let left = Arc::new(Left(room.into()));
        let within = spool.bounded_by(left);
        let batch = BatchId::new(1);
        let mut writer = within.create(batch).unwrap();
        let written = records.iter().try_for_each(|(record, key)| writer.push(record, key.as_deref()));
        if fits {
            written.unwrap();
            let sealed = writer.seal().unwrap();
            assert_eq!(sealed.stored, whole);
            // Another handle is not bound by it.
            write(&spool, &records);
            spool.remove(batch).unwrap();
        } else {
            let error = written.unwrap_err();
            let error = error.get_ref().and_then(|error| error.downcast_ref::<SpoolError>()).unwrap();
            assert_eq!((error.code(), error.is_lasting()), ("client-spool-full", false));
            drop(writer);
            assert!(matches!(spool.reader(batch), Err(SpoolError::Unknown(_))));
        }
    }
}
