//! The line protocol of schema test suites over standard input and output.

use std::io;

fn main() -> io::Result<()> {
    sekisho_xsd::lines::serve(io::stdin().lock(), io::stdout().lock())
}
