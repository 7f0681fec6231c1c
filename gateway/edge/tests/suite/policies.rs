//! Disclosure policies at the doors: one verdict, nothing kept of what may not leave, and what leaves is what lies in the spool.

use std::sync::Arc;

use sekisho_edge::route::Route;
use sekisho_journal::Digest;
use sekisho_policy::detect::Detector;
use sekisho_policy::spec::{Absence, Action, Alphabet, PseudonymSpec, RuleSpec};
use sekisho_policy::{Ground, Place, Policy, PolicySpec};
use sekisho_records::{CanonicalRecord, Item, Value};

use crate::record_sets::RecordSet;
use crate::site::Site;
use crate::ways::Way;

/// Nobody's.
const CANARY: &str = "123456789018";

fn rule(name: &str, fields: &[&str]) -> RuleSpec {
    let fields = fields.iter().map(|&field| field.to_owned()).collect();
    RuleSpec { name: name.to_owned(), fields, ..RuleSpec::default() }
}

/// Puts rules into force on the routes of orders.
fn put(route: &mut Route, place: Place, rule: Vec<RuleSpec>) {
    if route.records.layout.field("customer").is_none() {
        return;
    }
    let ground = Ground {
        place,
        schema: route.records.schema.clone(),
        layout: Arc::clone(&route.records.layout),
        outgoing: None,
        names: None,
        key: (place == Place::Municipality).then(|| "7".repeat(64)),
    };
    let policy = Policy::compile(&PolicySpec { rule, ..PolicySpec::default() }, &ground).unwrap();
    route.policy = Some(Arc::new(policy));
}

fn refusing(route: &mut Route) {
    let never = vec![Detector::MyNumber, Detector::MailAddress];
    put(route, Place::Asp, vec![RuleSpec { never, ..rule("nobody", &["*"]) }]);
}

fn changing(route: &mut Route) {
    let pseudonym =
        PseudonymSpec { domain: "customer".to_owned(), alphabet: Alphabet::Alphanumeric, length: 20 };
    let gone = RuleSpec { absent: Some(Absence::Absent), action: Action::Drop, ..rule("gone", &["note"]) };
    put(
        route,
        Place::Municipality,
        vec![gone, RuleSpec { pseudonym: Some(pseudonym), ..rule("customers", &["customer"]) }],
    );
}

#[test]
fn a_record_that_names_somebody_is_refused_at_every_door_and_nothing_is_kept() {
    let site = Site::edited(refusing);
    let note = format!("canary {CANARY}");
    let set = RecordSet::orders(&[
        ["1", "a", "1.00", ""],
        ["2", "b", "2.00", &note],
        ["3", "c@d.example", "3.00", ""],
    ]);
    for way in Way::ALL {
        let answer = site.client().ask(way.request("/orders", &set));
        assert!(
            !answer.text().contains(CANARY) && !answer.text().contains("canary"),
            "{way:?}: {}",
            answer.text()
        );
        let refused = answer.refused();
        assert_eq!(refused.code, "policy-breached", "{way:?}");
        let told: Vec<_> = refused
            .errors
            .iter()
            .map(|error| (error.record, error.field.as_deref().unwrap_or_default(), &*error.code))
            .collect();
        assert_eq!(
            told,
            [(2, "note", "policy-my-number"), (3, "customer", "policy-mail-address")],
            "{way:?}"
        );
    }
    site.assert_nothing_kept();
    // Left out, where the route leaves bad records out.
    let receipt = site.client().ask(Way::RestCsv.request("/lenient", &set)).receipt();
    assert_eq!((receipt.records, receipt.set_aside), (1, 2));
}

#[test]
fn what_lies_in_the_spool_is_what_leaves_whichever_door_it_came_through() {
    let site = Site::edited(changing);
    let set = RecordSet::orders(&[
        ["1", "Alpha1", "1.00", "x"],
        ["2", "Beta2", "2.00", ""],
        ["3", "Alpha1", "3.00", ""],
    ]);
    let mut digests = Vec::new();
    for way in Way::ALL {
        let receipt = site.client().ask(way.request("/orders", &set)).receipt();
        digests.push(receipt.records_digest);
    }
    digests.dedup();
    assert_eq!(digests.len(), 1, "the same records leave");
    let batch = site.batches().into_iter().next().unwrap();
    let policy = batch.policy.expect("the batch pins its policy");
    assert_ne!(policy, Digest([0; 32]));
    let mut records = site.gateway.spool.reader(batch.id).unwrap().read(0..3).unwrap();
    let mut customers = Vec::new();
    while let Some((_, record)) = records.next().unwrap() {
        for item in CanonicalRecord::new(record).unwrap().items() {
            match item {
                Item::Value(field, Value::Text(text)) if field.0 == 1 => customers.push(text.to_owned()),
                Item::Value(field, _) => assert_ne!(field.0, 3, "the note is gone"),
                item => panic!("{item:?}"),
            }
        }
    }
    assert_eq!(customers.len(), 3);
    assert!(
        customers.iter().all(|customer| customer.len() == 20 && !customer.contains("lpha")),
        "{customers:?}"
    );
    assert!(customers[0] == customers[2] && customers[0] != customers[1], "{customers:?}");
}
