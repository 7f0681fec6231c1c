//! Several records of one key in one batch.

use sekisho_journal::{KeyOrder, RangeSet, Sealed, SetAside, Spool};
use sekisho_records::{Violation, Violations};
use sekisho_xsd::Words;

use super::lines::Lines;
use super::storage;
use crate::refusal::{Class, Refusal};
use crate::route::{DuplicateRecords, Route};

/// What the route says of them: the records that are not to be sent, or a refusal. Records that are to be sent in their
/// order are known to delivery by the spool's index of keys.
pub(super) fn settle(
    sealed: &Sealed,
    set_aside: &[SetAside],
    lines: &Lines,
    route: &Route,
    spool: &Spool,
) -> Result<RangeSet, Refusal> {
    if sealed.duplicates == 0 {
        return Ok(RangeSet::new());
    }
    match route.duplicates.records {
        DuplicateRecords::Refuse => Err(refuse_duplicates(sealed, set_aside, lines, route)),
        DuplicateRecords::InOrder if sealed.duplicates > KeyOrder::MOST_IN_ORDER => Err(too_many(sealed)),
        DuplicateRecords::InOrder => Ok(RangeSet::new()),
        DuplicateRecords::LastWins => {
            let superseded =
                spool.reader(sealed.batch).and_then(|reader| reader.superseded(KeyOrder::MOST_IN_ORDER));
            superseded.map_err(|error| storage(&error))?.ok_or_else(|| too_many(sealed))
        }
    }
}

fn too_many(sealed: &Sealed) -> Refusal {
    let (found, most) = (sealed.duplicates, KeyOrder::MOST_IN_ORDER);
    Refusal::new(
        Class::Invalid,
        "duplicate-keys-too-many",
        format!(
            "{found} records have the key of an earlier record; at most {most} in a batch are told apart. Nothing was \
             kept; send each key once, or in batches one after the other."
        ),
    )
    .ja(format!(
        "{found}件のレコードのキーが重複しています（1バッチの上限は{most}件）。何も保管していません。\
         各キーは一度だけ送信するか、バッチを分けて順に送信してください。"
    ))
}

fn refuse_duplicates(sealed: &Sealed, set_aside: &[SetAside], lines: &Lines, route: &Route) -> Refusal {
    let mut violations = Violations::new(route.limits.errors_listed);
    let element = &route.records.layout.element().local;
    // Where records are changed, the key is of what leaves, whose names may be concealed ones.
    let is_changed = route.policy.as_ref().is_some_and(|policy| policy.changes_records());
    let key = route.records.key.as_ref().filter(|_| !is_changed);
    let field = key.and_then(|key| key.names(&route.records.layout).next());
    for (first, later) in &sealed.duplicate_keys {
        let (first, later) = (SetAside::number_of(set_aside, *first), SetAside::number_of(set_aside, *later));
        violations.push(Violation {
            record: later,
            field: field.map(str::to_owned),
            path: Some(format!("{element}[{later}]")),
            line: lines.of(later),
            column: None,
            byte: None,
            expected: Some(Words {
                en: "a key that no earlier record has".to_owned(),
                ja: "前のレコードにないキー".to_owned(),
            }),
            found: Some(Words {
                en: format!("the key of record {first}"),
                ja: format!("レコード{first}のキー"),
            }),
            code: "cvc-identity-constraint.4.2.2",
            message: format!("The key is that of record {first}."),
            message_ja: format!("キーがレコード{first}と重複しています。"),
        });
    }
    let mut refusal = Refusal::new(
        Class::Invalid,
        "duplicate-keys",
        format!(
            "{} the key of an earlier record. Nothing was kept; send each key once.",
            if sealed.duplicates == 1 {
                "1 record has".to_owned()
            } else {
                format!("{} records have", sealed.duplicates)
            }
        ),
    )
    .ja(format!(
        "{}件のレコードのキーが重複しています。何も保管していません。各キーは一度だけ送信してください。",
        sealed.duplicates
    ));
    refusal.violations = Some(Box::new(violations));
    refusal
}
