//! What is said of a value that may not stand where it does.

use std::net::SocketAddr;

use ipnet::IpNet;
use toml::de::DeValue;

use super::known::Shape;
use super::near::nearest;
use crate::config::key_path::KeyPath;
use crate::language::{Text, text};

/// What is wrong with a text, if anything.
pub(super) fn of_text(shape: &Shape<'_>, written: &str) -> Option<Text> {
    match shape {
        Shape::Words(words) if !words.contains(&written) => Some(one_of(words, Some(written))),
        Shape::Text { form: Some("socket-address"), .. } if written.parse::<SocketAddr>().is_err() => {
            Some(allowed(shape))
        }
        Shape::Text { form: Some("ip-network"), .. } if written.parse::<IpNet>().is_err() => {
            Some(allowed(shape))
        }
        Shape::Text { single: true, .. } if written.chars().count() != 1 => Some(allowed(shape)),
        _ => None,
    }
}

/// Something else stands there.
pub(super) fn expected(shape: &Shape<'_>, found: &DeValue<'_>, path: &KeyPath) -> Text {
    let what = match found {
        DeValue::String(_) => Text::new("is text", "文字列になっています"),
        DeValue::Integer(_) => Text::new("is a whole number", "整数になっています"),
        DeValue::Float(_) => Text::new("is a number with a fraction", "小数になっています"),
        DeValue::Boolean(_) => Text::new("is true or false", "真偽値になっています"),
        DeValue::Datetime(_) => Text::new("is a date or a time", "日付または時刻になっています"),
        DeValue::Array(_) => Text::new("is a list", "リストになっています"),
        DeValue::Table(_) => Text::new("is a section", "セクションになっています"),
    };
    let allowed = match shape {
        Shape::Table(_) | Shape::Variants { .. } => {
            let header = path.header();
            text!("must be a section, [{header}]", "[{header}]というセクションにしてください")
        }
        _ => allowed(shape),
    };
    what.and(&Text::new("; ", "。")).and(&allowed)
}

/// What may stand there.
fn allowed(shape: &Shape<'_>) -> Text {
    match shape {
        Shape::Text { form: Some("socket-address"), .. } => Text::new(
            "must be an IP address with a port, such as \"10.20.0.10:8080\" or \"[::1]:8080\"",
            "IPアドレスとポート番号を、\"10.20.0.10:8080\"や\"[::1]:8080\"のように書いてください",
        ),
        Shape::Text { form: Some("ip-network"), .. } => Text::new(
            "must be a network with the length of its prefix, such as \"10.1.2.0/24\"; one address is \"10.1.2.3/32\"",
            "ネットワークを、\"10.1.2.0/24\"のようにプレフィックス長を付けて書いてください（アドレス1つなら\"10.1.2.3/32\"）",
        ),
        Shape::Text { single: true, .. } => {
            Text::new("must be one character in quotes", "引用符で囲んだ1文字にしてください")
        }
        Shape::Text { .. } => Text::new("must be text in quotes", "引用符で囲んだ文字列にしてください"),
        Shape::Words(words) => one_of(words, None),
        Shape::Whole { least, most } => out_of_range(*least, *most),
        Shape::Number => Text::new("must be a number, such as 0.5", "0.5のような数値にしてください"),
        Shape::Truth => {
            Text::new("must be true or false, without quotes", "trueかfalseを、引用符なしで書いてください")
        }
        Shape::List(_) => Text::new(
            "must be a list in brackets, such as [\"a\", \"b\"]",
            "[\"a\", \"b\"]のように、角括弧で囲んだリストにしてください",
        ),
        Shape::Pairs(_) => Text::new(
            "must be names with their values in braces, such as { a = \"b\" }",
            "{ a = \"b\" }のように、名前と値の組を波括弧で囲んでください",
        ),
        Shape::Table(_) | Shape::Variants { .. } => {
            Text::new("must be a section", "セクションにしてください")
        }
    }
}

/// A number that is none, or is too small or too large.
pub(super) fn out_of_range(least: i128, most: i128) -> Text {
    let open = most >= i128::from(u32::MAX);
    match open {
        true => text!(
            "must be a whole number, {least} or more, written without quotes",
            "{least}以上の整数を、引用符なしで書いてください"
        ),
        false => text!(
            "must be a whole number from {least} to {most}, written without quotes",
            "{least}から{most}までの整数を、引用符なしで書いてください"
        ),
    }
}

/// A word that is none of those that there are.
pub(super) fn one_of(words: &[&str], written: Option<&str>) -> Text {
    let list = words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>();
    let (english, japanese) = (list.join(", "), list.join("、"));
    let said = match words {
        [_] => text!("must be {english}", "{japanese}にしてください"),
        _ => text!("must be one of {english}", "{japanese}のいずれかにしてください"),
    };
    match written.and_then(|written| nearest(written, words.iter().copied())) {
        Some(meant) => said.and(&text!("; did you mean \"{meant}\"?", "（\"{meant}\"ではありませんか）")),
        None => said,
    }
}

/// `[x]` where `[[x]]` is meant.
pub(super) fn once_for_each(path: &KeyPath) -> Text {
    let header = path.header();
    text!("must be written as [[{header}]], once for each", "[[{header}]]と書き、1件ごとに繰り返してください")
}

/// `[[x]]` where `[x]` is meant.
pub(super) fn only_once(path: &KeyPath) -> Text {
    let header = path.header();
    text!(
        "must be written as [{header}], as there is only one",
        "1つしかないので、[{header}]と書いてください"
    )
}

/// A key that there is not.
pub(super) fn unknown(path: &KeyPath, known: &[&str]) -> Text {
    let (english, japanese) = (known.join(", "), known.join("、"));
    if path.parent().is_some_and(|parent| parent == KeyPath::root()) {
        text!("unknown section; there are: {english}", "このセクションはありません。書けるもの：{japanese}")
    } else {
        text!("unknown key; there are: {english}", "このキーはありません。書けるもの：{japanese}")
    }
}

/// A key that must be there.
pub(super) fn missing(shape: &Shape<'_>, parent: Option<&KeyPath>, name: &str) -> Text {
    match shape {
        Shape::Table(table) if parent.is_some_and(|parent| *parent == KeyPath::root()) => {
            let keys: Vec<&str> =
                table.keys().map(|(name, _)| name).filter(|name| table.required(name)).collect();
            let (english, japanese) = (keys.join(", "), keys.join("、"));
            text!(
                "the section is missing: [{name}] with at least the key {english}",
                "セクションがありません。[{name}]に、少なくとも{japanese}を書いてください"
            )
        }
        shape => Text::new("is missing; ", "がありません。").and(&allowed(shape)),
    }
}
