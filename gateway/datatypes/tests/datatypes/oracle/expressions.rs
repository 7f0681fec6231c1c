//! Random regular expressions of XML Schema, and values near them.

use fastrand::Rng;

const ATOMS: &[&str] = &[
    "a",
    "b",
    "c",
    "1",
    "0",
    "-",
    " ",
    "氏",
    "𠮷",
    "^",
    "$",
    ".",
    "\\.",
    "\\d",
    "\\D",
    "\\w",
    "\\W",
    "\\s",
    "\\S",
    "\\i",
    "\\I",
    "\\c",
    "\\C",
    "\\p{L}",
    "\\P{L}",
    "\\p{Lu}",
    "\\p{Nd}",
    "\\p{P}",
    "\\P{Nd}",
    "\\p{IsBasicLatin}",
    "\\p{IsHiragana}",
    "\\P{IsCJKUnifiedIdeographs}",
    "\\p{IsPrivateUse}",
    "[abc]",
    "[^abc]",
    "[a-c0-1]",
    "[a-z-[b]]",
    "[^a-z-[1]]",
    "[\\d-[0]]",
    "[-a]",
    "[a-]",
    "[\\i-[:]]",
    "[\\w\\s]",
    "[^\\d]",
    "[\\p{L}-[a-c]]",
    "[^\\p{L}]",
    "[$^]",
    "[.]",
    "[a\\-c]",
    "[\\]\\[]",
    "\\\\",
    "\\-",
    "\\n",
    "\\t",
    "()",
];
const COUNTS: &[&str] = &["", "", "", "?", "*", "+", "{2}", "{0,2}", "{1,}", "{0}", "{2,3}"];
/// What values are made of.
const CHARACTERS: &[&str] = &[
    "a",
    "b",
    "c",
    "z",
    "A",
    "1",
    "0",
    "9",
    "-",
    " ",
    ".",
    "^",
    "$",
    "[",
    "]",
    "\\",
    ":",
    "_",
    "氏",
    "名",
    "あ",
    "𠮷",
    "é",
    "É",
    "１",
    "\n",
    "\t",
    "\r",
    "\u{a0}",
    "\u{3000}",
    "、",
    "ー",
    "￥",
    "\u{301}",
    "\u{e000}",
    "\u{f0000}",
    "\u{1d7ce}",
    "½",
    "Ⅳ",
    "\u{ad}",
    "\u{220}",
];

pub(super) fn random(random: &mut Rng) -> String {
    expression(random, 3)
}

fn expression(random: &mut Rng, depth: u32) -> String {
    let branches: Vec<String> = (0..random.u32(1..=2)).map(|_| branch(random, depth)).collect();
    branches.join("|")
}

fn branch(random: &mut Rng, depth: u32) -> String {
    let mut out = String::new();
    for _ in 0..random.u32(1..=3) {
        match random.u32(..5) {
            0 if depth > 0 => out.push_str(&format!("({})", expression(random, depth - 1))),
            _ => out.push_str(ATOMS[random.usize(..ATOMS.len())]),
        }
        out.push_str(COUNTS[random.usize(..COUNTS.len())]);
    }
    out
}

/// Characters that the expression has something to do with, or not.
pub(super) fn value_near(pattern: &str, random: &mut Rng) -> String {
    let own: Vec<char> = pattern.chars().filter(|c| !"\\[](){}|?*+".contains(*c)).collect();
    (0..random.u32(..6))
        .map(|_| match random.bool() && !own.is_empty() {
            true => own[random.usize(..own.len())].to_string(),
            false => CHARACTERS[random.usize(..CHARACTERS.len())].to_owned(),
        })
        .collect()
}
