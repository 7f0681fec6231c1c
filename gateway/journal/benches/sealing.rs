//! What encryption at rest costs: batches sealed and read with it and without. The files are on the disk when a batch is sealed, so
//! that the disk's syncs are in the figures, as they are in acceptance.
#![allow(clippy::unwrap_used, missing_docs)] // A benchmark that cannot begin says where; criterion's macros make no documents.

use std::path::Path;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use sekisho_journal::{BatchId, Encryption, Spool, WrappingKey};

const RECORDS: u64 = 20_000;

/// A spool in a folder, encrypted or not.
fn spool(state: &Path, encrypted: bool) -> Spool {
    let keys = vec![WrappingKey::from_bytes("bench", &[7; 32]).unwrap()];
    let encryption = encrypted.then(|| Encryption { folder: state.join("data-keys"), keys });
    Spool::open_with(&state.join("spool"), &state.join("spool.key"), encryption).unwrap()
}

/// Records of about 300 bytes, as attribute records are.
fn records() -> Vec<(Vec<u8>, Vec<u8>)> {
    let record = |number: u64| {
        let key = format!("{number:012}");
        let fields =
            (0..40).map(|field| format!("{:x}", number.wrapping_mul(field * 2_654_435_761 + 1) >> 40));
        (format!("{key}|{}", fields.collect::<Vec<_>>().join("|")).into_bytes(), key.into_bytes())
    };
    (0..RECORDS).map(record).collect()
}

fn seal(spool: &Spool, records: &[(Vec<u8>, Vec<u8>)]) -> BatchId {
    let mut writer = spool.create(BatchId::new(1)).unwrap();
    for (record, key) in records {
        writer.push(record, Some(key)).unwrap();
    }
    writer.seal().unwrap().batch
}

fn at_rest(criterion: &mut Criterion) {
    let records = records();
    let bytes: usize = records.iter().map(|(record, _)| record.len()).sum();
    let mut group = criterion.benchmark_group("spool");
    group.throughput(Throughput::Bytes(bytes as u64)).sample_size(20);
    for (name, encrypted) in [("plain", false), ("encrypted", true)] {
        let state = tempfile::tempdir().unwrap();
        let spool = spool(state.path(), encrypted);
        group.bench_function(format!("seal, {name}"), |bencher| {
            bencher.iter_batched(
                || (),
                |()| {
                    let batch = seal(&spool, &records);
                    spool.remove(batch).unwrap();
                },
                BatchSize::PerIteration,
            );
        });
        let batch = seal(&spool, &records);
        group.bench_function(format!("read, {name}"), |bencher| {
            bencher.iter(|| {
                let mut read = spool.reader(batch).unwrap().read(0..RECORDS).unwrap();
                let mut bytes = 0;
                while let Some((_, record)) = read.next().unwrap() {
                    bytes += record.len();
                }
                bytes
            });
        });
    }
    group.finish();
}

criterion_group!(benches, at_rest);
criterion_main!(benches);
