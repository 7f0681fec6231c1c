//! Several records of one key in one batch: what becomes of them is the route's word.

use sekisho_edge::route::{DuplicateRecords, Route};
use sekisho_journal::KeyOrder;
use sekisho_soap::message::State;

use crate::batches::get;
use crate::record_sets::RecordSet;
use crate::site::Site;
use crate::ways::Way;

/// Keys 1, 2, 1, 3, 2, 1.
fn twice() -> RecordSet {
    let order = |id, amount| [id, "a", amount, ""];
    RecordSet::orders(&[
        order("1", "1.00"),
        order("2", "2.00"),
        order("1", "3.00"),
        order("3", "4.00"),
        order("2", "5.00"),
        order("1", "6.00"),
    ])
}

#[test]
fn the_last_record_of_a_key_wins_where_the_route_says_so() {
    let site = Site::edited(|route| route.duplicates.records = DuplicateRecords::LastWins);
    for way in Way::ALL {
        let receipt = site.client().ask(way.request("/orders", &twice())).receipt();
        assert_eq!((receipt.records, receipt.state), (6, State::Accepted), "{way:?}");
        assert_eq!((receipt.sums.pending, receipt.sums.rejected), (3, 3), "{way:?}");
        assert!(receipt.sums.balanced());
        let page = site.client().ask(get(&format!("/orders/batches/{}/errors", receipt.id))).json();
        let listed: Vec<_> =
            page["errors"].as_array().unwrap().iter().map(|error| &error["record"]).collect();
        assert_eq!(listed, [1, 2, 3], "{way:?}");
        assert_eq!(
            (&page["total"], &page["errors"][0]["code"]),
            (&3.into(), &"superseded".into()),
            "{way:?}"
        );
        assert!(page["errors"][0]["messageJa"].as_str().unwrap().contains("キー"));
    }
}

#[test]
fn positions_are_counted_around_what_was_left_out() {
    let site = Site::edited(|route| route.duplicates.records = DuplicateRecords::LastWins);
    let csv =
        "order_id,customer,amount,note\r\n1,a,1.00,\r\nx,a,1.00,\r\n2,a,1.00,\r\n1,a,1.00,\r\n2,a,1.00,\r\n";
    let receipt = site.client().ask(Way::RestCsv.message(csv.as_bytes()).to("/lenient")).receipt();
    assert_eq!((receipt.records, receipt.set_aside, receipt.sums.pending), (4, 1, 2));
    let page = site.client().ask(get(&format!("/lenient/batches/{}/errors", receipt.id))).json();
    let listed: Vec<_> =
        page["errors"].as_array().unwrap().iter().map(|e| (&e["record"], &e["outcome"])).collect();
    let expected = [(1, "rejected"), (2, "setAside"), (3, "rejected")].map(|(n, o)| (n.into(), o.into()));
    assert_eq!(listed, expected.iter().map(|(n, o)| (n, o)).collect::<Vec<_>>());
}

#[test]
fn all_records_of_a_key_are_kept_in_their_order_where_the_route_says_so() {
    let site = Site::edited(|route| route.duplicates.records = DuplicateRecords::InOrder);
    let id = site.client().ask(Way::Swa.request("/orders", &twice())).receipt_id();
    let (spool, ledger, id) = (site.gateway.spool.clone(), site.gateway.ledger.clone(), id.parse().unwrap());
    let state = site.block_on(async move { ledger.state(id).await }).unwrap().unwrap();
    assert_eq!(state.sums().pending, 6);
    let mut pending = state.pending().clone();
    KeyOrder::within(&spool.reader(id).unwrap()).unwrap().hold_back(&mut pending, &state);
    assert_eq!(pending.runs().collect::<Vec<_>>(), [0..2, 3..4], "the later ones wait");
}

#[test]
fn too_many_are_refused_whatever_the_route_says() {
    let last: fn(&mut Route) = |route| route.duplicates.records = DuplicateRecords::LastWins;
    let all: fn(&mut Route) = |route| route.duplicates.records = DuplicateRecords::InOrder;
    for says in [last, all] {
        let site = Site::edited(says);
        let mut csv = "order_id,customer,amount,note\r\n".to_owned();
        csv.push_str(&"1,a,1.00,\r\n".repeat(100_002));
        let answer = site.client().ask(Way::RestCsv.message(csv.as_bytes()).to("/orders"));
        assert_eq!(
            (answer.status, answer.refused().code.as_str()),
            (422, "duplicate-keys-too-many"),
            "{answer}"
        );
        site.assert_nothing_kept();
    }
}
