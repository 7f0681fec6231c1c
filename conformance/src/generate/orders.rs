//! Orders (`schemas/orders.xsd`): few fields, and text that every format has to quote.

use std::io;

use fastrand::Rng;

use super::form::{Names, Values, Writer};
use super::{Options, digits};

const CUSTOMERS: [&str; 6] =
    ["Müller, GmbH", "Åse AS", "Plain Ltd", "千葉商店", "A & B <Trading>", "O'Neill \"Sons\""];
const NOTES: [&str; 5] = ["said \"hi\"", "two\nlines", "a, b, c", "納品は午前中", "1 < 2 & 3 > 2"];

/// Writes the orders.
pub(super) fn write(options: &Options, mut writer: Writer<'_>) -> io::Result<()> {
    let names = Names {
        namespace: "urn:example:bulk",
        batch: "orders",
        record: "order",
        fields: ["order_id", "customer", "amount", "note"].map(str::to_owned).to_vec(),
    };
    let mut chance = Rng::with_seed(options.seed);
    let mut values = Values::default();
    writer.begin(&names)?;
    for number in 1..=options.records {
        values.clear();
        values.push_with(|text| digits(text, 1000 + number, 1));
        values.push(CUSTOMERS[chance.usize(0..CUSTOMERS.len())]);
        let cents = chance.u64(0..10_000_000);
        values.push_with(|text| {
            digits(text, cents / 100, 1);
            text.push('.');
            digits(text, cents % 100, 2);
        });
        if chance.bool() {
            values.push(NOTES[chance.usize(0..NOTES.len())])
        } else {
            values.absent()
        }
        if options.bad_record.contains(&number) {
            values.replace(2, "a lot");
        }
        writer.record(&names, &values)?;
    }
    writer.end(&names)
}
