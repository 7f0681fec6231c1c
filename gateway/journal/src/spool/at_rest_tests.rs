//! Encrypted payloads: what stands on the disk, and what is read back.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tempfile::TempDir;

use super::frames::FRAME;
use super::*;
use crate::identity::Epoch;

const CANARY: &[u8] = "\u{7530}\u{4e2d}-canary-value".as_bytes();

fn open(state: &TempDir) -> Spool {
    let keys = vec![WrappingKey::from_bytes("k", &[9; 32]).unwrap()];
    let encryption = Encryption { folder: state.path().join("data-keys"), keys };
    Spool::open_with(&state.path().join("spool"), &state.path().join("spool.key"), Some(encryption)).unwrap()
}

fn write(spool: &Spool, records: &[Vec<u8>]) -> Sealed {
    let mut writer = spool.create(BatchId::new(1)).unwrap();
    for record in records {
        writer.push(record, Some(record)).unwrap();
    }
    writer.seal().unwrap()
}

fn read(spool: &Spool, batch: BatchId, range: std::ops::Range<u64>) -> Result<Vec<Vec<u8>>> {
    let mut records = spool.reader(batch)?.read(range)?;
    let mut all = Vec::new();
    while let Some((_, record)) = records.next()? {
        all.push(record.to_vec());
    }
    Ok(all)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all
}

fn holds_the_canary(folder: &Path) -> bool {
    files(folder).iter().any(|file| {
        let bytes = fs::read(file).unwrap();
        bytes.windows(CANARY.len()).any(|window| window == CANARY)
    })
}

/// Records of such lengths that frames end within them, at their ends and in the lengths before them.
fn lengths() -> impl Strategy<Value = Vec<usize>> {
    let length = prop_oneof![
        4 => 0..300usize,
        1 => FRAME - 6..FRAME + 6,
        1 => 2 * FRAME - 8..2 * FRAME + 2,
    ];
    prop::collection::vec(length, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// As a plain spool gives it back, and with the same digest; whatever bit of a segment is another one, nothing is.
    #[test]
    fn what_is_written_is_read_and_what_is_altered_is_refused(
        lengths in lengths(),
        segment in prop_oneof![Just(1_u64), Just(1_000), Just(100_000), Just(1024 * 1024)],
        file in any::<prop::sample::Index>(),
        byte in any::<prop::sample::Index>(),
        bit in 0..8u8,
    ) {
        let (state, plain_state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let records: Vec<Vec<u8>> = (0_usize..)
            .zip(&lengths)
            .map(|(number, length)| (0..*length).map(|at| ((at * 31 + number) % 253) as u8).collect())
            .collect();
        let spool = open(&state).with_segment_bytes(segment);
        let plain = Spool::open(&plain_state.path().join("spool"), &plain_state.path().join("spool.key")).unwrap();
        let sealed = write(&spool, &records);
        let other = write(&plain.with_segment_bytes(segment), &records);
        prop_assert_eq!((sealed.records, sealed.segments, sealed.bytes), (other.records, other.segments, other.bytes));
        prop_assert_eq!(sealed.records_digest, other.records_digest);
        let count = records.len() as u64;
        prop_assert_eq!(read(&spool, sealed.batch, 0..count).unwrap(), records.clone());
        let from = count / 2;
        prop_assert_eq!(&read(&spool, sealed.batch, from..count).unwrap()[..], &records[from as usize..]);

        let folder = state.path().join("spool").join(sealed.batch.to_string());
        let segments: Vec<PathBuf> = (0..sealed.segments).map(|counter| segment_path(&folder, counter)).collect();
        let file = &segments[file.index(segments.len())];
        let mut bytes = fs::read(file).unwrap();
        let at = byte.index(bytes.len());
        bytes[at] ^= 1 << bit;
        fs::write(file, &bytes).unwrap();
        // A batch without records has a segment that nobody reads.
        prop_assert!(count == 0 || read(&spool, sealed.batch, 0..count).is_err(), "bit {bit} of byte {at}");
    }
}

#[test]
fn no_value_of_a_record_is_on_the_disk_nor_what_the_upstream_said_of_it() {
    let state = tempfile::tempdir().unwrap();
    let spool = open(&state);
    let batch = write(&spool, &[CANARY.to_vec(), b"other".to_vec()]).batch;
    let said = RowAnswer { position: 0, row: 0, taken: true, text: CANARY.to_vec() };
    spool.keep_results(batch, CallName { chunk: 1, epoch: Epoch(1), call: 1 }, [said.clone()]).unwrap();
    let mut merged = spool.merge(batch).unwrap();
    merged.push(CANARY, None).unwrap();
    merged.seal().unwrap();
    assert!(!holds_the_canary(state.path()));
    // And it is there for who has the keys.
    assert_eq!(read(&spool, batch, 0..1).unwrap(), [CANARY]);
    assert_eq!(spool.results(batch).unwrap().of(1, 0), [said]);
    let merged = spool.merged(batch).unwrap().unwrap();
    assert_eq!(merged.read(0..1).unwrap().next().unwrap(), Some((0, CANARY)));
    // A batch has one key, whatever folders it has.
    assert_eq!(files(&state.path().join("data-keys")).len(), 1);
    spool.destroy_keys(&[batch]).unwrap();
    assert_eq!(spool.merged(batch).unwrap_err().code(), "spool-data-key-gone");
    assert_eq!(spool.results(batch).unwrap_err().code(), "spool-data-key-gone");
}

#[test]
fn what_was_written_before_is_read_as_it_was_and_says_so() {
    let state = tempfile::tempdir().unwrap();
    let plain = Spool::open(&state.path().join("spool"), &state.path().join("spool.key")).unwrap();
    let before = write(&plain, &[CANARY.to_vec()]).batch;
    drop(plain);
    assert!(holds_the_canary(state.path()), "the test can see it");
    let spool = open(&state);
    assert_eq!(read(&spool, before, 0..1).unwrap(), [CANARY]);
    let said = RowAnswer { position: 0, row: 0, taken: true, text: b"ok".to_vec() };
    spool.keep_results(before, CallName { chunk: 1, epoch: Epoch(1), call: 1 }, [said.clone()]).unwrap();
    assert_eq!(spool.results(before).unwrap().of(1, 0), [said]);
    let after = write(&spool, &[b"after".to_vec()]).batch;
    assert_eq!(read(&spool, after, 0..1).unwrap(), [b"after".to_vec()]);

    // A plain segment in the place of an encrypted one is not taken for it, although it is authentic.
    let segment = |batch: BatchId| state.path().join("spool").join(batch.to_string()).join("00000000.seg");
    fs::copy(segment(before), segment(after)).unwrap();
    assert_eq!(read(&spool, after, 0..1).unwrap_err().code(), "spool-damaged");
}

/// Two folders of a batch, and two segments of a folder, have nothing in common that the same content would show.
#[test]
fn the_same_content_never_looks_the_same() {
    let state = tempfile::tempdir().unwrap();
    let spool = open(&state).with_segment_bytes(100);
    let same = vec![vec![b'x'; 90]; 4];
    let batches = [write(&spool, &same).batch, write(&spool, &same).batch];
    let said = |chunk| RowAnswer { position: chunk, row: 0, taken: true, text: vec![b'x'; 90] };
    for chunk in [1, 2] {
        spool.keep_results(batches[0], CallName { chunk, epoch: Epoch(1), call: chunk }, [said(7)]).unwrap();
    }
    let segments = files(&state.path().join("spool"))
        .into_iter()
        .filter(|file| file.extension() == Some("seg".as_ref()));
    let contents: Vec<Vec<u8>> = segments.map(|file| fs::read(file).unwrap()[72..].to_vec()).collect();
    assert_eq!(contents.len(), 10);
    let pieces: std::collections::HashSet<&[u8]> =
        contents.iter().flat_map(|content| content.chunks(16)).collect();
    assert_eq!(pieces.len(), contents.iter().map(|content| content.chunks(16).count()).sum::<usize>());
}
