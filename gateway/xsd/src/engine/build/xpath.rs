//! The XPath subset of identity constraints (part 1 §3.11.6).

use crate::engine::grammar::{NameTest, Path};

/// The most steps of a path: their states are bits of a word.
pub(super) const MAX_STEPS: usize = 63;

/// What keeps an expression from being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    /// It is none of the subset, or has a prefix without a namespace.
    Wrong,
    /// A path has more than [`MAX_STEPS`].
    TooLong,
}

/// Reads a selector's or field's expression. `name` resolves a test's prefix and local part.
pub(super) fn parse(
    xpath: &str,
    field: bool,
    test: &mut dyn FnMut(Option<&str>, &str) -> Option<NameTest>,
) -> Result<Vec<Path>, Unread> {
    let path = |path| {
        let path = parse_path(path, field, test).ok_or(Unread::Wrong)?;
        if path.steps.len() > MAX_STEPS { Err(Unread::TooLong) } else { Ok(path) }
    };
    xpath.split('|').map(path).collect()
}

fn parse_path(
    path: &str,
    field: bool,
    test: &mut dyn FnMut(Option<&str>, &str) -> Option<NameTest>,
) -> Option<Path> {
    // White space may stand between any two tokens; the compiler has seen to it that it stands nowhere else.
    let compact: String = path.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let (anywhere, rest) = match compact.strip_prefix(".//") {
        Some(rest) => (true, rest),
        None => (false, compact.as_str()),
    };
    let mut parsed = Path { anywhere, steps: Vec::new(), attribute: None };
    for step in rest.split('/') {
        if parsed.attribute.is_some() {
            return None;
        }
        let attribute = step.strip_prefix('@').or_else(|| step.strip_prefix("attribute::"));
        let own = attribute.unwrap_or_else(|| step.strip_prefix("child::").unwrap_or(step));
        if own == "." && attribute.is_none() {
            continue;
        }
        let found = match own.split_once(':') {
            None if own.is_empty() => return None,
            None if own == "*" => NameTest::Any,
            None => test(None, own)?,
            Some((prefix, local)) => test(Some(prefix), local)?,
        };
        match attribute {
            Some(_) if field => parsed.attribute = Some(found),
            Some(_) => return None,
            None => parsed.steps.push(found),
        }
    }
    Some(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::names::{NameId, NamespaceId};

    fn read(xpath: &str, field: bool) -> Result<Vec<Path>, Unread> {
        parse(xpath, field, &mut |prefix, local| match (prefix, local) {
            (Some("p"), "*") => Some(NameTest::Namespace(NamespaceId(1))),
            (None | Some("p"), local) => Some(NameTest::Name(NameId(local.len() as u32))),
            _ => None,
        })
    }

    #[test]
    fn the_subset_is_read() {
        let path =
            |anywhere, steps: &[NameTest], attribute| Path { anywhere, steps: steps.to_vec(), attribute };
        let name = |n| NameTest::Name(NameId(n));
        assert_eq!(read(".", false), Ok(vec![path(false, &[], None)]));
        assert_eq!(read("a/ bb", false), Ok(vec![path(false, &[name(1), name(2)], None)]));
        assert_eq!(
            read(" .//p:a | ./child::* ", false),
            Ok(vec![path(true, &[name(1)], None), path(false, &[NameTest::Any], None)])
        );
        assert_eq!(
            read("a/@p:*", true),
            Ok(vec![path(false, &[name(1)], Some(NameTest::Namespace(NamespaceId(1))))])
        );
        assert_eq!(read("attribute::abc", true), Ok(vec![path(false, &[], Some(name(3)))]));
        for (bad, field) in [("", true), ("@a", false), ("@a/b", true), ("q:a", true), ("a//b", true)] {
            assert_eq!(read(bad, field), Err(Unread::Wrong), "{bad}");
        }
        let long = |steps| vec!["a"; steps].join("/");
        assert_eq!(read(&long(MAX_STEPS), false).map(|paths| paths.len()), Ok(1));
        assert_eq!(read(&format!("a|{}", long(MAX_STEPS + 1)), false), Err(Unread::TooLong));
    }
}
