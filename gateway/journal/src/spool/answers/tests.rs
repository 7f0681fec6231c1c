use tempfile::TempDir;

use super::*;

fn spool(state: &TempDir) -> Spool {
    Spool::open(&state.path().join("spool"), &state.path().join("spool.key")).unwrap()
}

fn batch(spool: &Spool) -> BatchId {
    let mut writer = spool.create(BatchId::new(1)).unwrap();
    writer.push(b"record", None).unwrap();
    writer.seal().unwrap().batch
}

fn call(chunk: u64, epoch: u64, call: u64) -> CallName {
    CallName { chunk, epoch: Epoch(epoch), call }
}

fn said(position: u64, row: u32, text: &str) -> RowAnswer {
    RowAnswer { position, row, taken: !text.starts_with('!'), text: text.as_bytes().to_vec() }
}

#[test]
fn names_sort_by_epoch_and_call_and_come_back() {
    for one in [call(1, 1, 1), call(SIX_BYTES, u64::from(MERGED) - 1, SIX_BYTES), call(7, 3, 0)] {
        assert_eq!(CallName::of(one.folder()), Some(one));
    }
    assert_eq!(CallName::of(name(MERGED, 1, 1)), None);
    assert!(call(2, 1, 9) < call(2, 2, 1) && call(2, 9, 9) < call(3, 1, 1));
}

#[test]
fn the_last_call_of_the_chunk_speaks_for_a_row() {
    let state = tempfile::tempdir().unwrap();
    let spool = spool(&state);
    let batch = batch(&spool);
    spool.keep_results(batch, call(1, 1, 5), [said(0, 0, "a"), said(1, 0, "!b"), said(2, 0, "!c")]).unwrap();
    // The chunk again, in part, by a later owner, whose calls count from one.
    spool.keep_results(batch, call(1, 2, 1), [said(2, 0, "c"), said(2, 1, "c2")]).unwrap();
    spool.keep_results(batch, call(2, 1, 6), [said(1, 0, "b")]).unwrap();
    let mut kept = spool.results(batch).unwrap();
    assert_eq!(kept.of(1, 0), vec![said(0, 0, "a")]);
    assert_eq!(kept.of(2, 1), vec![said(1, 0, "b")]);
    assert_eq!(kept.of(1, 2), vec![said(2, 0, "c"), said(2, 1, "c2")]);
    assert_eq!(kept.of(1, 3), Vec::new());
    assert_eq!(kept.of(3, 0), Vec::new());
}

#[test]
fn what_was_not_sealed_was_never_said_and_a_name_is_given_once() {
    let state = tempfile::tempdir().unwrap();
    let spool = spool(&state);
    let batch = batch(&spool);
    // As a crash leaves it: a folder with an index that is not sealed.
    let mut broken = spool.within(batch).unwrap().create(call(1, 1, 2).folder()).unwrap();
    broken.push(&[0; HEAD_BYTES], None).unwrap();
    std::mem::forget(broken);
    spool.keep_results(batch, call(1, 1, 1), [said(0, 0, "a")]).unwrap();
    assert!(spool.keep_results(batch, call(1, 1, 1), [said(0, 0, "b")]).is_err());
    assert_eq!(spool.results(batch).unwrap().of(1, 0), vec![said(0, 0, "a")]);
}

#[test]
fn an_answer_is_there_once_it_is_sealed_and_goes_with_the_payload() {
    let state = tempfile::tempdir().unwrap();
    let spool = spool(&state);
    let batch = batch(&spool);
    assert!(spool.merged(batch).unwrap().is_none());
    let mut broken = spool.merge(batch).unwrap();
    broken.push(b"half", None).unwrap();
    std::mem::forget(broken);
    assert!(spool.merged(batch).unwrap().is_none());
    for _ in 0..2 {
        let mut answer = spool.merge(batch).unwrap();
        answer.push(b"whole", None).unwrap();
        answer.seal().unwrap();
    }
    let merged = spool.merged(batch).unwrap().unwrap();
    let mut records = merged.read(0..1).unwrap();
    assert_eq!(records.next().unwrap().unwrap().1, b"whole");
    // The payload is read as before, and nothing beside it is a batch of the spool's.
    assert_eq!(spool.reader(batch).unwrap().records(), 1);
    assert_eq!(spool.batches().unwrap(), vec![batch]);
    spool.remove(batch).unwrap();
    assert!(spool.merged(batch).unwrap().is_none());
    assert!(spool.keep_results(batch, call(1, 1, 9), [said(0, 0, "a")]).is_err());
}

#[test]
fn many_chunks_are_gone_through_with_few_open() {
    let state = tempfile::tempdir().unwrap();
    let spool = spool(&state);
    let batch = batch(&spool);
    let chunks = 2 * MOST_OPEN as u64;
    for chunk in 1..=chunks {
        // Their records lie interleaved, as after many repetitions.
        let rows = (0..3).map(|turn| said(turn * chunks + chunk, 0, &format!("{turn} {chunk}")));
        spool.keep_results(batch, call(chunk, 1, chunk), rows).unwrap();
    }
    let mut kept = spool.results(batch).unwrap();
    for turn in 0..3 {
        for chunk in 1..=chunks {
            let position = turn * chunks + chunk;
            assert_eq!(kept.of(chunk, position), vec![said(position, 0, &format!("{turn} {chunk}"))]);
            assert!(kept.open.len() <= MOST_OPEN);
        }
    }
}
