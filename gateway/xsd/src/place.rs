//! Lines and columns of byte offsets.

/// Line and column, both from 1, of the byte offset `at`; the column counts characters.
pub(crate) fn line_and_column(text: &[u8], at: usize) -> (u64, u64) {
    let before = &text[..at.min(text.len())];
    let line_start = before.iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1);
    let line = before.iter().filter(|&&b| b == b'\n').count() as u64 + 1;
    (line, 1 + characters(&before[line_start..]))
}

fn characters(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|&&b| b & 0xC0 != 0x80).count() as u64
}
