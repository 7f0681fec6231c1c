//! The same verdict at every door.

use crate::client::Answer;
use crate::record_sets::RecordSet;
use crate::site::Site;
use crate::ways::Way;

/// What a client is told, but for what the protocol makes different.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Accepted { records: u64, digest: String },
    Refused { code: String, total: Option<u64>, errors: Vec<(u64, Option<String>, String)> },
}

fn verdict(answer: &Answer) -> Verdict {
    if answer.status < 300 {
        let receipt = answer.receipt();
        return Verdict::Accepted { records: receipt.records, digest: receipt.records_digest };
    }
    let refused = answer.refused();
    let errors = refused.errors.into_iter().map(|error| (error.record, error.field, error.code)).collect();
    Verdict::Refused { code: refused.code, total: refused.errors_total, errors }
}

#[track_caller]
fn alike(site: &Site, path: &str, name: &str, set: &RecordSet) -> Verdict {
    let mut verdicts = Way::ALL.map(|way| {
        let answer = site.client().ask(way.request(path, set));
        assert_eq!(answer.header("content-type").unwrap().contains("xml"), way.is_soap(), "{name}, {way:?}");
        (way, verdict(&answer))
    });
    verdicts.rotate_left(1);
    let [(_, first), others @ ..] = verdicts;
    for (way, other) in others {
        assert_eq!(other, first, "{name}: {way:?} differs from the first way");
    }
    first
}

#[test]
fn orders_have_one_verdict() {
    let site = Site::new();
    let long = "x".repeat(201);
    let note = "n".repeat(2001);
    for (name, records, fields) in [
        ("good", vec![["1", "a", "1.00", "n"], ["2", "東京 髙﨑 𠮷野家", "0", ""]], vec![]),
        ("white space is collapsed in numbers", vec![[" 7 ", "a", "\t1.00 ", ""]], vec![]),
        ("white space is kept in strings", vec![["1", "  a  ", "1.00", " "]], vec![]),
        ("line ends in a value", vec![["1", "a\nb", "1.00", "c\r\nd\re"]], vec![]),
        ("markup in a value", vec![["1", "<a>&amp;\"'</a>", "1.00", "]]> , ;"]], vec![]),
        (
            "a number that is none",
            vec![["1", "a", "1.00", ""], ["x", "b", "2.00", ""]],
            vec![(2, Some("order_id"))],
        ),
        ("out of range", vec![["1000000000000", "a", "1.00", ""]], vec![(1, Some("order_id"))]),
        ("negative", vec![["1", "a", "-1", ""]], vec![(1, Some("amount"))]),
        ("too many decimals", vec![["1", "a", "1.005", ""]], vec![(1, Some("amount"))]),
        ("an exponent", vec![["1", "a", "1E2", ""]], vec![(1, Some("amount"))]),
        ("too long", vec![["1", &long, "1.00", ""]], vec![(1, Some("customer"))]),
        (
            "two in one record",
            vec![["x", "a", "y", &note]],
            vec![(1, Some("order_id")), (1, Some("amount")), (1, Some("note"))],
        ),
        ("the key is missing", vec![["", "a", "1.00", ""]], vec![(1, Some("order_id"))]),
        ("a middle field is missing", vec![["1", "a", "", "n"]], vec![(1, Some("amount"))]),
        ("the last mandatory field is missing", vec![["1", "a", "", ""]], vec![(1, Some("amount"))]),
        (
            "several records",
            vec![["x", "", "1.00", ""], ["2", "b", "2.00", ""], ["3", "c", "-3", ""], ["", "d", "4.00", ""]],
            vec![(1, Some("order_id")), (3, Some("amount")), (4, Some("order_id"))],
        ),
    ] {
        let found = alike(&site, "/orders", name, &RecordSet::orders(&records));
        match found {
            Verdict::Accepted { records: taken, .. } => {
                assert!(fields.is_empty(), "{name}: it is accepted");
                assert_eq!(taken, records.len() as u64);
            }
            Verdict::Refused { code, total, errors } => {
                assert_eq!(code, "bad-records", "{name}: {errors:?}");
                assert_eq!(total, Some(errors.len() as u64));
                let found: Vec<_> =
                    errors.iter().map(|(record, field, _)| (*record, field.as_deref())).collect();
                let of_record: Vec<_> = found.iter().map(|(record, _)| *record).collect();
                let wanted: Vec<_> = fields.iter().map(|(record, _)| *record).collect();
                assert_eq!(of_record, wanted, "{name}: {errors:?}");
                for ((_, found), (_, wanted)) in found.iter().zip(&fields) {
                    assert_eq!(found, wanted, "{name}: {errors:?}");
                }
                assert!(errors.iter().all(|(_, _, code)| code.starts_with("cvc-")), "{name}: {errors:?}");
            }
        }
    }
    let spooled = site.spooled().len();
    assert_eq!(spooled, site.batches().len(), "refused batches leave nothing");
}

#[test]
fn keys_bind_every_door() {
    let site = Site::new();
    // 07 and 7 are one number.
    let set = RecordSet::orders(&[
        ["7", "a", "1.00", ""],
        ["8", "b", "1.00", ""],
        ["07", "c", "1.00", ""],
        ["8", "d", "1.00", ""],
    ]);
    let found = alike(&site, "/orders", "duplicate keys", &set);
    let code = "cvc-identity-constraint.4.2.2".to_owned();
    let errors = vec![(3, Some("order_id".to_owned()), code.clone()), (4, Some("order_id".to_owned()), code)];
    assert_eq!(found, Verdict::Refused { code: "duplicate-keys".to_owned(), total: Some(2), errors });
    site.assert_nothing_kept();
}

#[test]
fn attributes_have_one_verdict() {
    let site = Site::new();
    let good = RecordSet::attributes(50, |_, _| {});
    assert!(matches!(alike(&site, "/attributes", "good", &good), Verdict::Accepted { records: 50, .. }));
    let bad = RecordSet::attributes(50, |number, values| match number {
        3 => values[2] = Some("9".to_owned()),
        9 => values[1] = Some("20261301".to_owned()),
        20 => values[7] = Some("00000000000000000001".to_owned()),
        31 => values[60] = None,
        40 => values[0] = Some("not an id".to_owned()),
        50 => values[150] = Some("ア".repeat(65)),
        _ => {}
    });
    match alike(&site, "/attributes", "bad", &bad) {
        Verdict::Refused { code, total: Some(total), errors } => {
            assert_eq!(code, "bad-records");
            assert_eq!(total, errors.len() as u64);
            let mut records: Vec<_> = errors.iter().map(|(record, ..)| *record).collect();
            records.dedup();
            assert_eq!(records, [3, 9, 20, 31, 40, 50], "{errors:?}");
            let fields: Vec<_> = errors.iter().filter_map(|(_, field, _)| field.as_deref()).collect();
            for field in ["F003", "F002", "F008", "F001", "F151"] {
                assert!(fields.contains(&field), "{field}: {errors:?}");
            }
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_first_errors_are_listed_at_every_door_and_reading_stops_there() {
    let site = Site::new();
    let records = vec![["x", "a", "1.00", ""]; 5];
    let set = RecordSet::orders(&records);
    match alike(&site, "/small", "more errors than are listed", &set) {
        Verdict::Refused { errors, .. } => assert_eq!(errors.len(), 3),
        other => panic!("{other:?}"),
    }
    let set = RecordSet::many_orders(6);
    match alike(&site, "/small", "more records than are taken", &set) {
        Verdict::Refused { code, .. } => assert_eq!(code, "too-many-records"),
        other => panic!("{other:?}"),
    }
    let empty = RecordSet::orders(&[]);
    match alike(&site, "/orders", "no records", &empty) {
        Verdict::Refused { code, .. } => assert_eq!(code, "no-records"),
        other => panic!("{other:?}"),
    }
    site.assert_nothing_kept();
}
