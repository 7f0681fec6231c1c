use proptest::prelude::*;

use super::*;

/// Bytes in which line ends, hyphens and pieces of the boundary are frequent.
fn contents() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop_oneof![
        3 => Just(b"\r\n".to_vec()),
        2 => Just(b"\n".to_vec()),
        2 => Just(b"\r".to_vec()),
        2 => Just(b"--".to_vec()),
        2 => Just(b"-".to_vec()),
        2 => Just(b"\r\n--".to_vec()),
        2 => Just(b"ab".to_vec()),
        1 => Just(b"a".to_vec()),
        2 => proptest::collection::vec(any::<u8>(), 0..20),
    ];
    proptest::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat())
}

fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(bytes, needle).is_some()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// However the input is cut and however small the window is, the parts are those that were written.
    #[test]
    fn any_split_gives_the_same_parts(
        bodies in proptest::collection::vec(contents(), 1..4),
        boundary in prop_oneof![Just("ab"), Just("aba"), Just("-"), Just("a-"), Just("==a/b+c==:uuid")],
        sizes in proptest::collection::vec(1usize..40, 1..6),
        capacity in 1usize..300,
        lf in any::<bool>(),
        epilogue in "[ -~]{0,20}",
    ) {
        let line_end: &[u8] = if lf { b"\n" } else { b"\r\n" };
        let mark = [line_end, b"--", boundary.as_bytes()].concat();
        let mut package = Vec::new();
        for body in &bodies {
            let clash = [line_end, body, line_end].concat();
            let ambiguous = lf && body.ends_with(b"\r");
            prop_assume!(!ambiguous && !holds(&clash, &mark[..]));
            package.extend_from_slice(b"--");
            package.extend_from_slice(boundary.as_bytes());
            package.extend_from_slice(line_end);
            package.extend_from_slice(b"Content-Transfer-Encoding: binary");
            package.extend_from_slice(&[line_end, line_end].concat());
            package.extend_from_slice(body);
            package.extend_from_slice(line_end);
        }
        package.extend_from_slice(&[b"--", boundary.as_bytes(), b"--", line_end, epilogue.as_bytes()].concat());

        let limits = PartLimits { bare_line_feed: lf, ..PartLimits::default() };
        let input = Pieces::new(&package, &sizes);
        let outcome = drain(MultipartReader::with_capacity(input, boundary, limits, capacity));
        prop_assert_eq!(outcome.error, None);
        let read: Vec<Vec<u8>> = outcome.parts.into_iter().map(|(_, body)| body).collect();
        prop_assert_eq!(read, bodies);
    }

    /// Any bytes at all: the reader ends, and says the same however they are cut.
    #[test]
    fn any_bytes_end_in_one_verdict(
        tail in contents(),
        start in prop_oneof![Just(&b""[..]), Just(&b"--ab\r\n\r\n"[..]), Just(&b"--ab\r\nContent-Transfer-Encoding: base64\r\n\r\n"[..]), Just(&b"--ab\r\nA: b\r\n"[..])],
        sizes in proptest::collection::vec(1usize..40, 1..6),
        capacity in 1usize..300,
        lf in any::<bool>(),
    ) {
        let package = [start, &tail].concat();
        let limits = PartLimits { bare_line_feed: lf, ..PartLimits::default() };
        let whole = drain(MultipartReader::new(&package[..], "ab", limits.clone()));
        let split = drain(MultipartReader::with_capacity(Pieces::new(&package, &sizes), "ab", limits, capacity));
        prop_assert_eq!(whole, split);
    }
}
