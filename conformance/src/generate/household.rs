//! Households with members (`schemas/household.xsd`): nested, so XML and JSON only.

use std::io::{self, Write};

use fastrand::Rng;

use super::form::{Names, begin_xml, close_tag, end_xml, json_string, open_tag, xml_element};
use super::{Form, Options, digits};

const BASE_YEAR: u64 = 2026;
const RELATIONS: [&str; 5] = ["head", "spouse", "child", "parent", "other"];

/// Writes the households.
///
/// # Errors
/// `InvalidInput` for CSV, which cannot hold members.
pub(super) fn write(options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let names = Names {
        namespace: "urn:example:city:household:1",
        batch: "HouseholdBatch",
        record: "Household",
        fields: Vec::new(),
    };
    match options.format {
        Form::Csv => {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a household has members: CSV cannot hold it",
            ));
        }
        Form::Json => out.write_all(b"[\n")?,
        Form::Ndjson => {}
        Form::Xml => begin_xml(out, &names, false)?,
        Form::SoapXml => begin_xml(out, &names, true)?,
    }
    let mut chance = Rng::with_seed(options.seed);
    let mut line = Vec::new();
    for number in 1..=options.records {
        line.clear();
        let household = Household::new(&mut chance, number, options.bad_record.contains(&number));
        match options.format {
            Form::Xml | Form::SoapXml => household.xml(&mut line),
            Form::Json if number > 1 => {
                line.extend_from_slice(b",\n");
                household.json(&mut line);
            }
            Form::Json => household.json(&mut line),
            Form::Ndjson | Form::Csv => {
                household.json(&mut line);
                line.push(b'\n');
            }
        }
        out.write_all(&line)?;
    }
    match options.format {
        Form::Json => out.write_all(b"\n]\n")?,
        Form::Xml => end_xml(out, &names, false)?,
        Form::SoapXml => end_xml(out, &names, true)?,
        Form::Ndjson | Form::Csv => {}
    }
    out.flush()
}

/// `H005`: left out, known to be none, or an amount.
enum Amount {
    Absent,
    Nil,
    Known(String),
}

struct Household {
    id: String,
    municipality: String,
    town: String,
    amount: Amount,
    members: Vec<Member>,
}

struct Member {
    id: String,
    relation: &'static str,
    sex: &'static str,
    birth: Option<String>,
    insured: Option<bool>,
}

impl Household {
    fn new(chance: &mut Rng, number: u64, bad: bool) -> Self {
        let mut id = "H".to_owned();
        digits(&mut id, number, 9);
        let mut municipality = String::new();
        digits(&mut municipality, 12101 + chance.u64(0..6), 5);
        let mut town = String::new();
        digits(&mut town, chance.u64(0..100_000), 5);
        let amount = match chance.u8(0..4) {
            0 => Amount::Absent,
            1 => Amount::Nil,
            _ => Amount::Known(format!("{}.{:02}", chance.u32(0..100_000), chance.u8(0..100))),
        };
        let members = (1..=1 + (chance.f64() * chance.f64() * 6.0) as u64)
            .map(|position| Member::new(chance, number, position, bad))
            .collect();
        Household { id, municipality, town, amount, members }
    }

    fn xml(&self, line: &mut Vec<u8>) {
        open_tag(line, "Household");
        xml_element(line, "H001", &self.id);
        xml_element(line, "H002", "2026-10-01");
        xml_element(line, "H003", &self.municipality);
        xml_element(line, "H004", &self.town);
        match &self.amount {
            Amount::Absent => {}
            Amount::Nil => line.extend_from_slice(
                b"<H005 xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:nil=\"true\"/>",
            ),
            Amount::Known(amount) => xml_element(line, "H005", amount),
        }
        for member in &self.members {
            open_tag(line, "Member");
            for (name, value) in member.fields() {
                xml_element(line, name, &value);
            }
            close_tag(line, "Member");
        }
        close_tag(line, "Household");
        line.push(b'\n');
    }

    fn json(&self, line: &mut Vec<u8>) {
        line.extend_from_slice(b"{\"H001\":");
        json_string(line, &self.id);
        line.extend_from_slice(b",\"H002\":\"2026-10-01\",\"H003\":");
        json_string(line, &self.municipality);
        line.extend_from_slice(b",\"H004\":");
        json_string(line, &self.town);
        match &self.amount {
            Amount::Absent => {}
            Amount::Nil => line.extend_from_slice(b",\"H005\":null"),
            Amount::Known(amount) => {
                line.extend_from_slice(b",\"H005\":");
                line.extend_from_slice(amount.as_bytes());
            }
        }
        line.extend_from_slice(b",\"Member\":[");
        for (index, member) in self.members.iter().enumerate() {
            if index > 0 {
                line.push(b',');
            }
            line.push(b'{');
            for (index, (name, value)) in member.fields().enumerate() {
                if index > 0 {
                    line.push(b',');
                }
                json_string(line, name);
                line.push(b':');
                if name == "M005" {
                    line.extend_from_slice(value.as_bytes())
                } else {
                    json_string(line, &value)
                }
            }
            line.push(b'}');
        }
        line.extend_from_slice(b"]}");
    }
}

impl Member {
    fn new(chance: &mut Rng, household: u64, position: u64, bad: bool) -> Self {
        let mut id = "M".to_owned();
        digits(&mut id, household, 9);
        digits(&mut id, position, 2);
        let age = chance.u64(0..95);
        let birth = chance.u8(0..50).gt(&0).then(|| format!("{}-{:02}", BASE_YEAR - age, chance.u8(1..=12)));
        Member {
            id,
            relation: if position == 1 { "head" } else { RELATIONS[chance.usize(1..RELATIONS.len())] },
            sex: if bad { "9" } else { ["1", "2"][chance.usize(0..2)] },
            birth,
            insured: [None, Some(true), Some(false)][chance.usize(0..3)],
        }
    }

    fn fields(&self) -> impl Iterator<Item = (&'static str, String)> {
        let insured = self.insured.map(|yes| if yes { "true" } else { "false" });
        [
            ("M001", Some(self.id.clone())),
            ("M002", Some(self.relation.to_owned())),
            ("M003", Some(self.sex.to_owned())),
            ("M004", self.birth.clone()),
            ("M005", insured.map(str::to_owned)),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
    }
}
