//! Tables for people: columns as wide as their widest cell on the screen, where a full-width character counts as two.

use unicode_width::UnicodeWidthStr;

/// On which side of its column a cell stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
}

/// A head and rows of as many cells, one line each. Control characters are left out.
pub(crate) fn table<const N: usize>(head: [(&str, Side); N], rows: &[[String; N]]) -> String {
    let plain = |cell: &str| cell.chars().filter(|c| !c.is_control()).collect::<String>();
    let mut lines: Vec<[String; N]> = vec![head.map(|(name, _)| name.to_owned())];
    lines.extend(rows.iter().map(|row| row.each_ref().map(|cell| plain(cell))));
    let width = |column: usize| lines.iter().map(|line| line[column].width()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut out = String::new();
    for line in &lines {
        let mut written = String::new();
        for (column, cell) in line.iter().enumerate() {
            let gap = " ".repeat(widths[column].saturating_sub(cell.width()));
            let (before, behind) =
                if head[column].1 == Side::Right { (gap, String::new()) } else { (String::new(), gap) };
            written.push_str(if column == 0 { "" } else { "  " });
            written.push_str(&before);
            written.push_str(cell);
            written.push_str(&behind);
        }
        out.push_str(written.trim_end());
        out.push('\n');
    }
    out
}

/// Names with their values, the values in one column.
pub(crate) fn pairs(pairs: &[(&str, String)]) -> String {
    let widest = pairs.iter().map(|(name, _)| name.width()).max().unwrap_or(0);
    let line = |(name, value): &(&str, String)| {
        format!("{name}{}  {value}\n", " ".repeat(widest.saturating_sub(name.width())))
    };
    pairs.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_width_characters_take_two_places() {
        let head = [("状態", Side::Left), ("N", Side::Right), ("X", Side::Left)];
        let rows = [
            ["配信中".to_owned(), "5".to_owned(), "a".to_owned()],
            ["held".to_owned(), "120".to_owned(), String::new()],
        ];
        assert_eq!(table(head, &rows), "状態      N  X\n配信中    5  a\nheld    120\n");
        assert_eq!(pairs(&[("バッチ", "1".to_owned()), ("id", "2".to_owned())]), "バッチ  1\nid      2\n");
    }
}
