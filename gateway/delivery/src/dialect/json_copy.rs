//! Results of a JSON answer as elements: what a SOAP client gets where the upstream speaks no XML.
//!
//! A member becomes an element of its name, with members below it as its children; of an array each item becomes an element of
//! the array's name; null becomes nothing. A name that cannot be an element's becomes `member` with an attribute `name`.

use std::fmt;

use sekisho_xml::is_ncname;
use sekisho_xml::write::{escape_attribute, escape_text};
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde::{Deserializer, de};

use super::json_way::{self, Items};

/// Every item of the array of results, in its order, as an element of that name; `None` where there is no such array, or
/// the answer is not of the shape that [`super::json_answer::results`] reads.
pub(super) fn items(body: &[u8], path: &str, name: &str) -> Option<Vec<Vec<u8>>> {
    json_way::items(body, path, &Elements { name })
}

/// The array of results, each of them as an element of that name.
struct Elements<'a> {
    name: &'a str,
}

impl Items for Elements<'_> {
    type All = Vec<Vec<u8>>;

    fn all<'de, A: SeqAccess<'de>>(&self, mut seq: A) -> Result<Self::All, A::Error> {
        let mut items = Vec::new();
        let mut item = Vec::new();
        while seq.next_element_seed(Element { name: self.name, out: &mut item })?.is_some() {
            items.push(std::mem::take(&mut item));
        }
        Ok(items)
    }
}

/// A value, written as an element of that name.
struct Element<'a> {
    name: &'a str,
    out: &'a mut Vec<u8>,
}

impl Element<'_> {
    fn open(&mut self) {
        if is_ncname(self.name) {
            self.out.extend_from_slice(format!("<{}>", self.name).as_bytes());
        } else {
            self.out.extend_from_slice(b"<member name=\"");
            // What XML cannot hold is left out.
            let _ = escape_attribute(self.name, self.out);
            self.out.extend_from_slice(b"\">");
        }
    }

    fn close(&mut self) {
        let name = if is_ncname(self.name) { self.name } else { "member" };
        self.out.extend_from_slice(format!("</{name}>").as_bytes());
    }

    fn text(mut self, text: &str) {
        self.open();
        let _ = escape_text(text, self.out);
        self.close();
    }
}

impl<'de> DeserializeSeed<'de> for Element<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Element<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        self.open();
        while let Some(name) = map.next_key::<String>()? {
            map.next_value_seed(Element { name: &name, out: &mut *self.out })?;
        }
        self.close();
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Element { name: self.name, out: &mut *self.out })?.is_some() {}
        Ok(())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        self.text(text);
        Ok(())
    }

    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<(), E> {
        self.text(if flag { "true" } else { "false" });
        Ok(())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<(), E> {
        self.text(&number.to_string());
        Ok(())
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<(), E> {
        self.text(&number.to_string());
        Ok(())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<(), E> {
        self.text(&number.to_string());
        Ok(())
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(body: &str, path: &str) -> Option<Vec<String>> {
        let items = items(body.as_bytes(), path, "result")?;
        Some(items.into_iter().map(|item| String::from_utf8(item).expect("UTF-8")).collect())
    }

    #[test]
    fn each_result_becomes_an_element_with_the_same_members_in_the_same_order() {
        let body = r#"[{"id":"001","success":true,"errors":[]},
            {"success":false,"n":-1.5,"none":null,"errors":[{"statusCode":"A<B","fields":["F1","F2"]},{"statusCode":"C"}]},
            "text", {"no name":1}]"#;
        let expected = [
            "<result><id>001</id><success>true</success></result>",
            "<result><success>false</success><n>-1.5</n><errors><statusCode>A&lt;B</statusCode><fields>F1</fields>\
             <fields>F2</fields></errors><errors><statusCode>C</statusCode></errors></result>",
            "<result>text</result>",
            "<result><member name=\"no name\">1</member></result>",
        ];
        assert_eq!(said(body, "").expect("results"), expected);
        let below = format!(r#"{{"more":1,"a":[{{"results":{body}}}]}}"#);
        assert_eq!(said(&below, "a/results").expect("results"), expected);
        assert_eq!(said(&below, "b"), None);
        assert_eq!(said("[1,", ""), None);
    }
}
