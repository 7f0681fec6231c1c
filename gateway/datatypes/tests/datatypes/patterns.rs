//! The pattern facet (part 2 §4.3.4, appendix F).

use sekisho_datatypes::{Builtin, DefinitionError, Facets, Tables, TypeId, Types, TypesBuilder, What};

use crate::{check, code};

fn pattern(text: &str, tables: Tables) -> Result<(Types, TypeId), DefinitionError> {
    let mut builder = TypesBuilder::new(tables);
    let facets = Facets { patterns: vec![text.to_owned()], ..Facets::default() };
    let ty = builder.restrict(Builtin::String.id(), None, facets)?;
    Ok((builder.finish(), ty))
}

fn matches(pattern_text: &str, value: &str) -> bool {
    let (types, ty) = pattern(pattern_text, Tables::Current).unwrap_or_else(|error| panic!("{error}"));
    check(&types, ty, value).is_ok()
}

/// A pattern, values that match, values that do not.
const TABLE: &[(&str, &[&str], &[&str])] = &[
    ("", &[""], &["a", " "]),
    ("abc", &["abc"], &["", "ab", "abcd", "xabc", "ABC"]),
    ("a|bc|", &["a", "bc", ""], &["ab", "c", "abc"]),
    ("(a|b)c", &["ac", "bc"], &["a", "abc", "c"]),
    ("()", &[""], &["()"]),
    ("(a*)*", &["", "aaa"], &["b"]),
    ("a?", &["", "a"], &["aa"]),
    ("a+b*", &["a", "aab", "abbb"], &["", "b", "aba"]),
    ("a{2}", &["aa"], &["a", "aaa"]),
    ("a{0}", &[""], &["a"]),
    ("(ab){1,2}", &["ab", "abab"], &["", "ababab"]),
    ("a{2,}", &["aa", "aaaaaa"], &["a"]),
    (
        "[0-9]{4}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])",
        &["20161001", "20161231"],
        &["20161301", "2016100", "201610011"],
    ),
    // Ordinary characters here, anchors and words elsewhere.
    ("^a$", &["^a$"], &["a"]),
    ("a$b^", &["a$b^"], &["ab"]),
    ("[$^]", &["$", "^"], &["a"]),
    ("a-b,c&d#e~f<g>h=i!j@k%l:m;n'o\"p/q_r", &["a-b,c&d#e~f<g>h=i!j@k%l:m;n'o\"p/q_r"], &[""]),
    ("a b", &["a b"], &["ab"]),
    (".", &["a", "氏", "𠮷", " ", "\t", "\u{85}", "\u{2028}"], &["", "\n", "\r", "ab"]),
    (".{2}", &["𠮷野"], &["𠮷"]),
    ("\\.\\\\\\?\\*\\+\\{\\}\\(\\)\\[\\]\\|\\-\\^\\n\\r\\t", &[".\\?*+{}()[]|-^\n\r\t"], &[""]),
    ("\\s\\S", &[" a", "\ta", "\n氏", "\ra"], &["aa", "  ", "\u{a0}a", "\u{3000}a"]),
    ("\\d+", &["0", "123", "１２"], &["", "a", "½", "二"]),
    ("\\D", &["a", "½"], &["1", "１"]),
    ("\\w+", &["aé1", "氏名", "$", "+", "𠮷", "a\u{301}"], &["", "a b", "-", "_", "。", "!", "\u{ad}"]),
    ("\\W", &["-", "_", "。", " ", "\u{ad}"], &["a", "$"]),
    ("\\i\\c*", &["a", ":", "_b-c.1", "氏名", "𠮷"], &["", "1", "-", "a b"]),
    ("\\I\\C", &["1 ", "- "], &["a ", "1a"]),
    ("[\\i-[:]][\\c-[:]]*", &["abc", "_1"], &["a:b", ":", ""]),
    ("\\p{L}+", &["aB", "é", "氏名", "𠮟𠮷", "ー"], &["", "1", "a1", "々1"]),
    ("\\P{L}+", &["12", " -"], &["a", "1a"]),
    ("\\p{Lu}\\p{Ll}\\p{Nd}\\p{Zs}\\p{Sc}\\p{Pd}", &["Aa1 ¥-", "Éé１\u{3000}￥〜"], &["aA1 ¥-"]),
    ("\\p{IsBasicLatin}*", &["abc~", ""], &["é"]),
    ("\\p{IsHiragana}+", &["ひらがな"], &["カタカナ", "漢字"]),
    ("\\p{IsKatakana}+", &["カタカナー・"], &["ひらがな"]),
    ("\\P{IsKatakana}+", &["ひ"], &["カ"]),
    ("\\p{IsCJKUnifiedIdeographs}+", &["漢字"], &["𠮷", "か"]),
    ("\\p{IsCJKUnifiedIdeographsExtensionB}+", &["𠮷𠮟"], &["吉"]),
    ("\\p{IsGreek}\\p{IsCombiningMarksforSymbols}", &["α\u{20d0}"], &["aa"]),
    ("\\p{IsHighSurrogates}|a", &["a"], &["b"]),
    ("\\p{IsPrivateUse}", &["\u{e000}", "\u{f0000}"], &["a"]),
    ("[abc]", &["a", "b", "c"], &["", "d", "ab"]),
    ("[^abc]", &["d", "氏", "\n"], &["a", ""]),
    ("[a-z0-9]+", &["a1z9"], &["A", "-"]),
    ("[a-]", &["a", "-"], &["b"]),
    ("[-a]", &["a", "-"], &["b"]),
    ("[^-a]", &["b"], &["a", "-"]),
    ("[\\-a]", &["a", "-"], &["\\"]),
    ("[a\\-z]", &["a", "-", "z"], &["b"]),
    ("[\\d\\s]+", &["1 2"], &["a"]),
    ("[^\\d\\s]+", &["ab"], &["a1"]),
    ("[\\]\\[]+", &["[]"], &["\\"]),
    ("[.?*+(){}|]+", &[".?*+(){}|"], &["a"]),
    ("[a^]", &["a", "^"], &["b"]),
    ("[a-z-[aeiou]]+", &["bcd", "xyz"], &["abc", "e", "-"]),
    ("[a-z-[m-z-[xy]]]+", &["abcxy"], &["m", "z"]),
    ("[^0-9-[a]]", &["b", "-"], &["a", "5"]),
    ("[a--[b]]", &["a", "-"], &["b"]),
    ("[\\w-[\\d]]", &["a"], &["1"]),
    ("[\\p{L}-[a-z]]", &["A", "氏"], &["a", "1"]),
    ("[一-龠々〆ヵヶ]{1,10}", &["漢字々"], &["", "かな", "漢字漢字漢字漢字漢字漢"]),
    ("[ァ-ヶー　]+", &["ヤマダ　タロウ"], &["ﾔﾏﾀﾞ", "やまだ"]),
    ("[!-/]{3}", &["!+/"], &["!+0"]),
    ("(\\+|-)?\\d{1,3}(,\\d{3})*", &["1,000,000", "-12", "+123"], &["1,00", "1000,000", ""]),
    ("([A-Z]{2}|\\d{3})-(a|b|c){2,3}", &["AB-ab", "123-abc"], &["AB-a", "ABC-ab", "12-ab"]),
];

#[test]
fn expressions_match_whole_values() {
    for (pattern, matching, others) in TABLE {
        for value in *matching {
            assert!(matches(pattern, value), "{pattern} matches {value:?}");
        }
        for value in *others {
            assert!(!matches(pattern, value), "{pattern} does not match {value:?}");
        }
    }
}

#[test]
fn what_is_no_expression_is_refused_where_it_is_wrong() {
    let cases = [
        ("a)", 2),
        ("(a", 3),
        ("[a", 3),
        ("[]", 2),
        ("[^]", 3),
        ("a]", 2),
        ("a}", 2),
        ("a{", 3),
        ("{2}", 1),
        ("*a", 1),
        ("a**", 3),
        ("a+?", 3),
        ("a|*", 3),
        ("a{,2}", 3),
        ("a{2,1}", 7),
        ("a{1", 4),
        ("a{x}", 3),
        ("a{99999999999}", 14),
        ("\\", 2),
        ("\\q", 2),
        ("\\$", 2),
        ("\\1", 2),
        ("\\b", 2),
        ("\\u0041", 2),
        ("\\p", 3),
        ("\\pL", 3),
        ("\\p{Xx}", 6),
        ("\\p{IsNowhere}", 13),
        ("\\p{Cs}", 6),
        ("\\p{L", 5),
        ("[z-a]", 5),
        ("[a-\\d]", 6),
        ("[a-c-e]", 5),
        ("[a[b]]", 3),
        ("[-[a]]", 2),
        ("[a-[b]c]", 7),
        ("[\\d-a]", 4),
        ("[--z]", 3),
        ("(?:a)", 2),
        ("(?i)a", 2),
        ("a{1,2}{3}", 7),
    ];
    let mut misplaced = Vec::new();
    for (text, place) in cases {
        let error = pattern(text, Tables::Current).err().unwrap_or_else(|| panic!("{text} is refused"));
        let DefinitionError::Pattern { at, rule, .. } = &error else { panic!("{text}: {error}") };
        assert_eq!(error.code(), "type-pattern");
        let japanese = error.message_ja();
        assert!(!japanese.contains("正規表現の書き方が誤っています"), "{rule} is not said in Japanese");
        if *at != place {
            misplaced.push(format!("{text}: at {at}, not at {place}: {rule}"));
        }
    }
    assert!(misplaced.is_empty(), "{}", misplaced.join("\n"));
}

#[test]
fn alternatives_of_one_step_are_one_of_them() {
    let mut builder = TypesBuilder::new(Tables::Current);
    let facets = Facets { patterns: vec!["a+".into(), "b|c".into()], ..Facets::default() };
    let ty = builder.restrict(Builtin::String.id(), None, facets).unwrap();
    let types = builder.finish();
    for (value, expected) in
        [("aa", "valid"), ("b", "valid"), ("ab", "cvc-pattern-valid"), ("", "cvc-pattern-valid")]
    {
        assert_eq!(code(&types, ty, value), expected);
    }
    let fault = check(&types, ty, "d").unwrap_err();
    assert_eq!(fault.what, What::Pattern(["a+".to_owned(), "b|c".to_owned()].into()));
}

/// Expressions that backtracking engines take for ever on. A test that hangs has failed.
#[test]
fn time_is_linear_in_the_value() {
    let many = "x".repeat(5_000);
    assert!(!matches("(.*a){12}", &many));
    assert!(matches("(.*a){12}", &"xa".repeat(2_500)));
    assert!(!matches("([a-z]+)*[0-9]", &"a".repeat(30)));
    assert!(!matches("(a|aa)+b", &"a".repeat(5_000)));
    assert!(!matches("(\\p{L}*\\p{N}*)*-", &"a1".repeat(20_000)));
    assert!(matches("(a?){500}a{500}", &"a".repeat(700)));
}

#[test]
fn large_counts_of_one_class_cost_nothing() {
    assert!(matches("[a-z]{1,1000000000}", "abc"));
    assert!(!matches("\\p{L}{4000000000}", "abc"));
    assert!(matches(".{0,65535}", &"氏".repeat(65_535)));
    assert!(!matches(".{0,65535}", &"氏".repeat(65_536)));
}

#[test]
fn what_would_be_too_large_is_refused() {
    for text in ["((a{1000}){1000}){1000}", "(\\p{L}{9999}-){9999}", "((((a?){999}){999}){999}){999}b"] {
        let error = pattern(text, Tables::Current).err().unwrap();
        assert_eq!(error.code(), "type-pattern-size", "{text}");
    }
    let deep = format!("{}a{}", "(".repeat(5_000), ")".repeat(5_000));
    assert_eq!(pattern(&deep, Tables::Current).err().unwrap().code(), "type-pattern");
    // Nothing, repeated however often, is nothing.
    assert!(matches("((((){999999}){999999}){999999}){999999}", ""));
}

/// Larger automata are made while they run; they say the same.
#[test]
fn large_expressions_match_as_small_ones_do() {
    let words: Vec<String> = (0..300).map(|number| format!("w{number:03}é")).collect();
    let expression = format!("({})(,({}))*", words.join("|"), words.join("|"));
    assert!(matches(&expression, "w000é"));
    assert!(matches(&expression, &words.join(",")));
    assert!(!matches(&expression, "w000é,"));
    assert!(!matches(&expression, "w300é"));
    assert!(matches("[\\p{L}\\p{N}]+( [\\p{L}\\p{N}]+){0,40}", "東京 千葉 Ａ１"));
    assert!(!matches("[\\p{L}\\p{N}]+( [\\p{L}\\p{N}]+){0,40}", "東京  千葉"));
}

#[test]
fn the_tables_of_the_suite_know_the_basic_plane_of_unicode_3() {
    let matches = |text: &str, value: &str, tables: Tables| {
        let (types, ty) = pattern(text, tables).unwrap();
        check(&types, ty, value).is_ok()
    };
    for (text, value, current, suite) in [
        ("\\p{L}", "氏", true, true),
        ("\\p{L}", "𠮷", true, false),
        ("\\p{Lu}", "Ƞ", true, false),
        ("\\P{L}", "𠮷", false, true),
        ("\\d", "\u{1d7ce}", true, false),
        ("\\D", "\u{1d7ce}", false, false),
        ("\\w", "𠮷", true, false),
        ("\\W", "𠮷", false, false),
        ("\\p{IsPrivateUse}", "\u{f0000}", true, false),
        ("\\p{Sm}", "\u{1d6db}", true, false),
        ("\\i", "𠮷", true, true),
    ] {
        assert_eq!(matches(text, value, Tables::Current), current, "{text} {value:?} today");
        assert_eq!(matches(text, value, Tables::Xsd10), suite, "{text} {value:?} in the suite");
    }
}
