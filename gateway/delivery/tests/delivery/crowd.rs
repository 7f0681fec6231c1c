//! Many batches that wait at once.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sekisho_delivery::DialectSpec;
use sekisho_journal::BatchFilter;
use sekisho_liveness::HopState;

use crate::support::intake::{dialect, take};
use crate::support::{Cloud, House, Table, plan};

/// More than a process may usually have files open.
const BATCHES: u64 = 1_500;

/// Files of the spool that delivery may have open: of the batches under way, and one that is looked at.
const MOST_FILES: usize = 16;

/// Files below a folder that this process has open.
fn open_files(folder: &Path) -> usize {
    let open = std::fs::read_dir("/proc/self/fd").expect("a list").flatten();
    open.filter_map(|entry| std::fs::read_link(entry.path()).ok())
        .filter(|file| file.starts_with(folder) && !file.ends_with("lock"))
        .count()
}

#[tokio::test]
async fn waiting_batches_hold_no_file_open_and_all_are_delivered_when_the_cloud_is_back() {
    let table = Table::default();
    let rows = table.clone();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let mut house = House::new();
    let plan = plan(DialectSpec::Soap(dialect()));
    house.accept_many(&plan, BATCHES, 2).await;
    let endpoint = sekisho_upstream::EndpointConfig::new(format!("http://{address}"));
    let delivery = house.start(&endpoint).await;
    house.hop_becomes(HopState::Down).await;
    delivery.wake();
    let spool = house.spool_folder();
    assert!(open_files(&spool) <= MOST_FILES, "{}", open_files(&spool));

    let most = Arc::new(AtomicUsize::new(0));
    let (seen, folder) = (Arc::clone(&most), spool.clone());
    let listener = tokio::net::TcpListener::bind(address).await.expect("the same port");
    let _cloud = Cloud::on(listener, move |call| {
        seen.fetch_max(open_files(&folder), Ordering::Relaxed);
        take(&rows, call, |_| None)
    });
    house.until_none_is_open().await;
    let totals = house.ledger.totals().await.expect("read");
    assert_eq!((totals.delivered, totals.accepted), (2 * BATCHES, 2 * BATCHES));
    assert_eq!(table.most_writes(), BATCHES, "every batch has the same two keys");
    let most = most.load(Ordering::Relaxed);
    assert!((1..=MOST_FILES).contains(&most), "{most} files of the spool were open at once");
    let unfinished = BatchFilter { finished: Some(false), ..BatchFilter::default() };
    let page = house.ledger.batches(unfinished, sekisho_journal::Page::default()).await.expect("read");
    assert!(page.is_empty());
}
