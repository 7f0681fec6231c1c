//! What a schema is refused for: its place, its rule, and words in English and Japanese.

use xsd_schema::parser::SourceLocation;
use xsd_schema::{SchemaError as XsdError, SchemaLimit, SchemaSet};

use crate::error::SchemaError;
use crate::sources::Sources;
use crate::violation::Words;
use crate::whereabouts::{self, Kind};
use crate::wording::{compiler_ja, schema_text_ja};

/// How the name of every rule begins that is a bound of this gateway, and none of XSD.
const LIMIT: &str = "limit-";

/// Speaks for the documents of one schema.
#[derive(Clone, Copy)]
pub(crate) struct Refusal<'s> {
    pub(crate) sources: &'s Sources,
}

impl Refusal<'_> {
    /// `file:line:column`; the root of the first document where nothing more is known.
    pub(crate) fn place(self, at: Option<&SourceLocation>) -> String {
        at.map_or_else(
            || whereabouts::root(self.sources),
            |at| format!("{}:{}:{}", self.sources.name(&at.base_uri), at.line, at.column),
        )
    }

    /// A rule that is broken, or a bound that is passed.
    pub(crate) fn broken(self, place: String, rule: &str, message: Words) -> SchemaError {
        let (rule, Words { en: message, ja: message_ja }) = (rule.to_owned(), message);
        match rule.starts_with(LIMIT) {
            true => SchemaError::TooLarge { place, rule, message, message_ja },
            false => SchemaError::Invalid { place, rule, message, message_ja },
        }
    }

    /// What the compiler says, or what is said in its stead.
    pub(crate) fn of(self, error: &XsdError) -> SchemaError {
        let place = || self.place(error.location());
        match error {
            XsdError::FeatureError { message, .. } => SchemaError::Unsupported {
                place: place(),
                construct: message.clone(),
                advice: "write the schema in XSD 1.0",
            },
            XsdError::StructuralError { constraint, message, location } => {
                let found = match (location, *constraint) {
                    (None, "p-props-correct") => whereabouts::impossible_occurrence(self.sources),
                    (None, "cos-all-limited") => whereabouts::repeated_all(self.sources),
                    _ => None,
                };
                let place = found.unwrap_or_else(place);
                let message = self.sources.with_names(message);
                let (place, words) = self
                    .declared_twice(&place, &message)
                    .unwrap_or_else(|| (place, self.words(constraint, message)));
                self.broken(place, constraint, words)
            }
            XsdError::LimitExceeded { limit, max, message, .. } => {
                self.too_deep(place(), *limit, *max, message)
            }
            other => {
                let (rule, message) = match other {
                    XsdError::XmlError { message, .. } => ("xml", message.clone()),
                    XsdError::NamespaceError { message, .. } => ("src-resolve", message.clone()),
                    XsdError::ResolutionError { message } => ("src-include", message.clone()),
                    other => ("schema", other.to_string()),
                };
                let message = self.sources.with_names(&message);
                self.broken(place(), rule, self.words(rule, message))
            }
        }
    }

    /// What XSD 1.0 lets pass at load and would leave unchecked later.
    pub(crate) fn of_gaps(self, set: &SchemaSet) -> Result<(), SchemaError> {
        if let Some(failure) = set.directive_failures().first() {
            let what = failure.schema_location().or(failure.namespace()).unwrap_or_default();
            let why = match failure.error() {
                XsdError::ResolutionError { message } => message.clone(),
                other => other.to_string(),
            };
            let message = format!("the document {what:?} cannot be had: {why}");
            let ja = schema_text_ja(&message);
            let rule = format!("src-{}", format!("{:?}", failure.kind()).to_lowercase());
            return Err(self.broken(self.place(failure.location()), &rule, Words::new(message, ja)));
        }
        let deferred = set
            .arenas
            .elements
            .values()
            .filter_map(|e| e.deferred_type_error.as_ref())
            .chain(set.arenas.simple_types.values().filter_map(|t| t.deferred_item_type_error.as_ref()));
        deferred.into_iter().next().map_or(Ok(()), |gap| {
            let words = Words::new(gap.message.clone(), compiler_ja("src-resolve", &gap.message));
            Err(self.broken(self.place(set.locate(gap.source.as_ref()).as_ref()), "src-resolve", words))
        })
    }

    /// What is found before the compiler is asked, or said in its stead, is in our own words.
    fn words(self, rule: &str, message: String) -> Words {
        let own = Some(schema_text_ja(&message)).filter(|ja| *ja != message);
        let ja = own.unwrap_or_else(|| compiler_ja(rule, &message));
        Words::new(message, ja)
    }

    fn too_deep(self, place: String, limit: SchemaLimit, max: usize, message: &str) -> SchemaError {
        // The compiler follows some circles until it is too deep in them.
        if message.contains("circular definition") {
            let message =
                "what is defined here refers to itself, round in a circle: take one of the references out";
            return self.broken(place, "sch-props-correct", self.words("", message.to_owned()));
        }
        let (rule, message) = match limit {
            SchemaLimit::ElementDepth => (
                "limit-depth",
                format!(
                    "elements of a schema document are nested more than {max} levels deep: nest them less"
                ),
            ),
            _ => (
                "limit-nesting",
                format!(
                    "definitions refer to one another more than {max} levels deep: refer to fewer groups, types and heads one behind the other"
                ),
            ),
        };
        self.broken(place, rule, self.words(rule, message))
    }

    /// A name that has been given away: where it is declared again, and in words where it was first, and what to do.
    fn declared_twice(self, place: &str, message: &str) -> Option<(String, Words)> {
        let said = message.strip_prefix("Duplicate ")?;
        let redefined = said.ends_with("<xs:redefine> block");
        let (what, rest) = match redefined {
            true => said.strip_prefix("<xs:")?.split_once(" name=\"")?,
            false => said.split_once(" '")?,
        };
        let name = rest.split(['\'', '"']).next()?;
        let kind = match what {
            "element declaration" => Kind::Element,
            "type declaration" | "simpleType" | "complexType" => Kind::Type,
            "attribute declaration" => Kind::Attribute,
            "group declaration" | "group" => Kind::Group,
            "attribute group declaration" | "attributeGroup" => Kind::AttributeGroup,
            "notation declaration" => Kind::Notation,
            "identity constraint name" => Kind::Constraint,
            _ => return None,
        };
        let [first, again] = whereabouts::twice(self.sources, kind, name, redefined, place)?;
        Some((again, kind.declared_twice(name, &first)))
    }
}
