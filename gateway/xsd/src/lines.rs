//! The line protocol of XML Schema test suite runners: one question a line, one answer a line.

use std::io::{self, BufRead, Write};

/// Answers `S<TAB>schema` and `I<TAB>schema<TAB>instance` until the input ends.
///
/// # Errors
/// When the input cannot be read or the answer not written.
pub fn serve(_input: impl BufRead, _output: impl Write) -> io::Result<()> {
    todo!()
}
