//! Attribute records (`schemas/attributes.xsd`) and changes of them (`schemas/differential.xsd`).

use std::io;

use fastrand::Rng;

use super::form::{Names, Values, Writer};
use super::{Options, digits};

const NAMESPACE: &str = "urn:example:city:attributes:1";
const BASE_DATE: &str = "20261001";
const BASE_YEAR: u64 = 2026;
/// From this age on a birth would show an extreme age: the record has the open-ended age flag and no birth.
const EXTREME_AGE: usize = 100;
const MUNICIPALITIES: [&str; 6] = ["12101", "12102", "12103", "12104", "12105", "12106"];
const ADDRESS_CUT: &str = "00000000000000000000";
const FIELDS: usize = 168;

/// Writes the records, or changes of them with an operation in front (F000).
pub(super) fn write(options: &Options, mut writer: Writer<'_>, differential: bool) -> io::Result<()> {
    let mut fields: Vec<String> = (1..=FIELDS).map(|n| format!("F{n:03}")).collect();
    if differential {
        fields.insert(0, "F000".to_owned());
    }
    let (batch, record) =
        if differential { ("DifferentialBatch", "Change") } else { ("AttributeBatch", "Record") };
    let names = Names { namespace: NAMESPACE, batch, record, fields };
    let mut people = Rng::with_seed(options.seed);
    let mut values = Values::default();
    writer.begin(&names)?;
    for number in 1..=options.records {
        values.clear();
        let delete = differential && people.u8(0..100) < options.deletes;
        if differential {
            values.push(if delete { "delete" } else { "upsert" });
        }
        resident(&mut people, number, delete, &mut values);
        if options.bad_record.contains(&number) {
            // Sex 9 is outside its range; a delete has no sex, and an identifier may not hold a hyphen.
            let first = usize::from(differential);
            if delete { values.replace(first, "not-an-id") } else { values.replace(first + 2, "9") }
        }
        writer.record(&names, &values)?;
    }
    writer.end(&names)
}

/// One resident: the key, and unless only the key is wanted, the other 167 fields.
fn resident(people: &mut Rng, number: u64, key_only: bool, values: &mut Values) {
    let before = values.len();
    let bits = people.u32(..);
    let age = loop {
        let age = (people.f64() * 60.0 + people.f64() * 55.0) as usize;
        if !(95..EXTREME_AGE).contains(&age) {
            break age;
        }
    };
    let spouse = age > 22 && people.u8(0..100) < 55;
    let children = if (23..62).contains(&age) { (people.f64() * 3.2) as usize } else { 0 };
    let mut child_ages = [0usize; 4];
    for child in child_ages.iter_mut().take(children) {
        *child = people.usize(0..18);
    }
    let child_ages = &child_ages[..children];

    values.push_with(|text| {
        text.push('U');
        digits(text, number, 9);
        for shift in [8, 4, 0] {
            text.push(char::from(b"0123456789ABCDEF"[(bits >> shift & 15) as usize]));
        }
    });
    if key_only {
        while values.len() < before + FIELDS {
            values.absent();
        }
        return;
    }
    values.push(BASE_DATE);
    values.push(if bits.is_multiple_of(997) { "3" } else { ["1", "2"][(bits >> 12 & 1) as usize] });
    let month = people.u64(1..=12);
    if age >= EXTREME_AGE {
        values.absent();
        values.absent();
    } else {
        values.push_with(|text| digits(text, BASE_YEAR - age as u64, 4));
        values.push_with(|text| digits(text, month, 1));
    }
    values.push(MUNICIPALITIES[bits as usize % MUNICIPALITIES.len()]);
    let town = people.u64(0..100_000);
    values.push_with(|text| digits(text, town, 5));
    values.push(ADDRESS_CUT);
    values.push(flag(spouse));

    let mut household = [false; 101];
    household[age.min(EXTREME_AGE)] = true;
    if spouse {
        let other = (age.min(94) as i64 + people.i64(-4..5)).clamp(18, 94) as usize;
        household[other] = true;
    }
    for child in child_ages {
        household[*child] = true;
    }
    for member in household {
        values.push(flag(member));
    }

    let taxed = age > 18 && bits & 7 != 0;
    values.push(flag(taxed));
    values.push(flag(taxed));
    values.push(flag(taxed || bits & 32 != 0));
    values.push(flag(bits & 64 != 0 && age < 75));
    values.push(flag(age >= 75));
    values.push(flag(child_ages.iter().any(|age| *age < 15)));
    values.push(flag(bits % 50 == 1));
    values.push(flag(bits % 60 == 1));

    for shift in [13, 14, 15] {
        values.push(flag(bits >> shift & 1 == 1));
    }
    for _ in 3..20 {
        values.absent();
    }
    for child in child_ages.iter().take(3) {
        let month = people.u64(1..=12);
        values.push_with(|text| {
            digits(text, BASE_YEAR - *child as u64, 4);
            digits(text, month, 2);
        });
    }
    while values.len() < before + FIELDS {
        values.absent();
    }
}

fn flag(yes: bool) -> &'static str {
    if yes { "1" } else { "0" }
}
