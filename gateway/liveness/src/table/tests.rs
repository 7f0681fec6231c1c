use super::*;
use crate::clock::Moment;
use crate::hop::{HopSpec, Intervals};
use crate::observation::Observation;
use crate::path::Path;
use time::macros::{datetime, offset};

fn snapshot() -> Snapshot {
    let start = Moment { monotonic: Duration::ZERO, wall: datetime!(2026-04-01 00:00 UTC) };
    let mut specs = vec![HopSpec::gateway(Duration::from_secs(10))];
    specs.extend(HopSpec::way_to("main", Intervals::default()).into_iter().take(2));
    let mut path = Path::new(specs, start).unwrap();
    let now = start.after(Duration::from_secs(61));
    path.report("gateway", Observation::up(Duration::from_micros(310)), now);
    let refused = Observation::down(ErrorClass::Line).took(Duration::from_millis(480));
    path.report("main/line", refused.text("\x1b[2Jrefused\n", "接続拒否"), now);
    path.snapshot(start.after(Duration::from_millis(62_900)))
}

#[test]
fn columns_are_aligned_and_nothing_in_a_text_reaches_the_terminal_as_a_command() {
    let expected = "\
HOP         STATE    SINCE           CHECKED    TOOK    CLASS  WHAT
gateway     up       04-01 00:01:01  1.9 s ago  0.3 ms  -      serves
main/line   down     04-01 00:01:01  1.9 s ago  480 ms  line    [2Jrefused\x20
main/cloud  unknown  04-01 00:00:00  -          -       -      behind main/line, which is down
";
    assert_eq!(table(&snapshot(), Language::English, Style::Plain), expected);
}

#[test]
fn full_width_characters_count_as_two() {
    let expected = "\
経路点      状態  いつから        確認     所要    分類  内容
gateway     正常  04-01 09:01:01  1.9 s前  0.3 ms  -     正常に応答しています
main/line   停止  04-01 09:01:01  1.9 s前  480 ms  回線  接続拒否
main/cloud  不明  04-01 09:00:00  -        -       -     手前の main/line が停止しているため分かりません
";
    assert_eq!(table(&snapshot().at_offset(offset!(+9)), Language::Japanese, Style::Plain), expected);
}

#[test]
fn colour_changes_no_column() {
    let colour = table(&snapshot(), Language::English, Style::Colour);
    assert!(colour.contains("\x1b[1;31mdown\x1b[0m     04-01"), "{colour}");
    let mut stripped = colour;
    for code in ["\x1b[0m", "\x1b[32m", "\x1b[35m", "\x1b[1;31m"] {
        stripped = stripped.replace(code, "");
    }
    assert_eq!(stripped, table(&snapshot(), Language::English, Style::Plain));
}

#[test]
fn spans_are_in_the_unit_that_suits_them() {
    let shown: Vec<String> = [0, 9, 10, 999, 1000, 9_999, 10_000, 119_999, 120_000, 7_200_000, 172_800_000]
        .map(|ms| span(Duration::from_millis(ms)))
        .into();
    let expected =
        ["0.0 ms", "9.0 ms", "10 ms", "999 ms", "1.0 s", "10.0 s", "10 s", "119 s", "2 min", "2 h", "2 d"];
    assert_eq!(shown, expected);
}
