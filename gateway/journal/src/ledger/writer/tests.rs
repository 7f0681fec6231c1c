use std::collections::BTreeSet;
use std::sync::mpsc;

use super::super::schema;
use super::*;

/// How many transactions it took to do `requests` that came while another was under way.
///
/// Each of them writes a row, and looks first, by a connection of its own, at how many rows are on the disk: there is one
/// number for each transaction.
fn transactions(requests: usize) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let (store, _) = Store::take_over(schema::open_writer(&path).unwrap(), "test", 1).unwrap();
    let writer = Writer::start(store).unwrap();
    let queue = writer.queue().unwrap();

    let (begun, held) = mpsc::channel();
    let (release, released) = mpsc::channel();
    let (first, first_answer) = job(move |_| {
        begun.send(()).unwrap();
        released.recv().unwrap();
        Ok(())
    });
    queue.blocking_send(first).unwrap();
    held.recv().unwrap();
    let looks = std::sync::Arc::new(std::sync::Mutex::new(Connection::open(&path).unwrap()));
    let answers: Vec<_> = (0..requests)
        .map(|number| {
            let looks = std::sync::Arc::clone(&looks);
            let (job, answer) = job(move |store| {
                let sql = "SELECT count(*) FROM definitions";
                let committed: i64 = looks.lock().unwrap().query_row(sql, [], |row| row.get(0)).unwrap();
                store.define(&number.to_string()).map(|_| committed)
            });
            queue.blocking_send(job).unwrap();
            answer
        })
        .collect();
    release.send(()).unwrap();
    first_answer.blocking_recv().unwrap().unwrap();
    let committed: BTreeSet<i64> =
        answers.into_iter().map(|answer| answer.blocking_recv().unwrap().unwrap()).collect();
    committed.len()
}

#[test]
fn requests_that_come_while_the_disk_is_busy_share_the_next_transaction() {
    assert_eq!(transactions(1), 1);
    assert_eq!(transactions(10), 1);
    // And no transaction grows without a bound.
    assert_eq!(transactions(600), 3);
}
