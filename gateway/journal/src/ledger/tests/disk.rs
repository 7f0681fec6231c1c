//! The ledger's file: whose it is, and a disk that is full.

use std::os::unix::fs::PermissionsExt;

use super::*;

#[test]
fn other_peoples_files_and_newer_ones_are_refused() {
    let state = State::new();
    drop(state.open());
    let change = |sql: &str| Connection::open(state.path()).unwrap().execute_batch(sql).unwrap();
    change("PRAGMA user_version = 6");
    let error = Ledger::open(&state.path(), "test", NOW).unwrap_err();
    assert!(matches!(error, LedgerError::Newer { found: 6, known: 5, .. }), "{error}");
    change("PRAGMA user_version = 5; PRAGMA application_id = 7");
    assert_eq!(Ledger::open(&state.path(), "test", NOW).unwrap_err().code(), "ledger-foreign");
    let text = state.folder.path().join("text");
    std::fs::write(&text, "not a database, and longer than a header of one would be: ".repeat(20)).unwrap();
    assert_eq!(Ledger::open(&text, "test", NOW).unwrap_err().code(), "ledger-foreign");
}

#[test]
fn the_file_is_its_owners_only() {
    let state = State::new();
    let (ledger, _) = state.open();
    accept(&ledger, 1);
    for entry in std::fs::read_dir(state.path().parent().unwrap()).unwrap() {
        assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_full_disk_refuses_and_keeps() {
    let state = State::new();
    let (ledger, opened) = state.open();
    let id = accept(&ledger, 100_000);
    let pages = |most: i64| {
        let limit = move |store: &mut Store| {
            let set = store.connection.pragma_update_and_check(None, "max_page_count", most, |_| Ok(()));
            set.map_err(|_| LedgerError::Closed)
        };
        ledger.writer.ask_blocking(limit).unwrap();
    };
    pages(1); // no more than there are
    let mut taken = BatchState::new(100_000, 2);
    let error = loop {
        let chunk = taken.next_chunk();
        let code = Code::from("returned");
        let events = vec![open(chunk, 0, 10), Event::ChunkReturned { chunk, code }];
        match ledger.apply_blocking(id, opened.epoch, NOW, events.clone()) {
            Ok(_) => events.iter().for_each(|event| drop(taken.apply(event, opened.epoch, NOW).unwrap())),
            Err(error) => break error,
        }
        assert!(chunk < 10_000);
    };
    assert_eq!(error.code(), "ledger-full");
    assert_eq!(ledger.state_blocking(id).unwrap(), Some(taken.clone()));
    pages(100_000);
    let chunk = taken.next_chunk();
    let applied = ledger.apply_blocking(id, opened.epoch, NOW, vec![open(chunk, 0, 10)]).unwrap();
    assert_eq!(applied.sums.in_flight, 10);
    accept(&ledger, 1);
}
