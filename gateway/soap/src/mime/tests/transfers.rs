use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;

fn body(encoding: &str, text: &[u8], limits: PartLimits, sizes: &[usize]) -> Vec<u8> {
    let head = format!("--b\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n");
    let package = [head.as_bytes(), text, b"\r\n--b--\r\n"].concat();
    let mut outcome = drain(MultipartReader::new(Pieces::new(&package, sizes), "b", limits));
    assert_eq!(outcome.error, None, "{encoding} {:?}", String::from_utf8_lossy(text));
    outcome.parts.remove(0).1
}

#[test]
fn decodes_by_the_book() {
    let table: &[(&str, &[u8], &[u8])] = &[
        ("7bit", b"a\r\nb", b"a\r\nb"),
        ("8bit", b"\xe3\x81\x82", b"\xe3\x81\x82"),
        ("binary", b"\0\xff\r\n--", b"\0\xff\r\n--"),
        ("base64", b"", b""),
        ("base64", b"QQ==", b"A"),
        ("base64", b"QUI=", b"AB"),
        ("base64", b" Q U\tJ\r\nD\n", b"ABC"),
        ("BASE64", b"QQ=\r\n=\r\n", b"A"),
        ("base64", b"+/+/", b"\xfb\xff\xbf"),
        ("quoted-printable", b"", b""),
        ("quoted-printable", b"a=3Db=e3=81=82", b"a=b\xe3\x81\x82"),
        ("quoted-printable", b"a =20\r\nb", b"a  \r\nb"),
        ("quoted-printable", b"a \t\r\nb \t", b"a\r\nb"),
        ("quoted-printable", b"a=\r\nb= \t\r\nc", b"abc"),
        ("quoted-printable", b"a b\tc\r\n\r\n", b"a b\tc\r\n\r\n"),
        ("quoted-printable", b"a =\r\n b", b"a  b"),
    ];
    for (encoding, text, expected) in table {
        for sizes in [vec![], vec![1]] {
            assert_eq!(body(encoding, text, PartLimits::default(), &sizes), *expected, "{encoding}");
        }
    }
    assert_eq!(body("quoted-printable", b"a =\nb \nc=\nd", lenient(), &[]), b"a b\ncd");
}

#[test]
fn a_long_run_of_white_space_fits() {
    let text = [&b" ".repeat(998)[..], b"x", &b"\t".repeat(998), b"=41"].concat();
    let expected = [&b" ".repeat(998)[..], b"x", &b"\t".repeat(998), b"A"].concat();
    assert_eq!(body("quoted-printable", &text, PartLimits::default(), &[]), expected);
}

fn quoted(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut width = 0;
    for &byte in bytes {
        if width > 70 {
            text.extend_from_slice(b"=\r\n");
            width = 0;
        }
        match byte {
            b'!'..=b'<' | b'>'..=b'~' => text.push(byte),
            _ => text.extend_from_slice(format!("={byte:02X}").as_bytes()),
        }
        width += 3;
    }
    text
}

proptest! {
    #[test]
    fn base64_reads_back(
        bytes in proptest::collection::vec(any::<u8>(), 0..40_000),
        width in 1usize..100,
        sizes in proptest::collection::vec(1usize..5_000, 1..5),
    ) {
        let text = STANDARD.encode(&bytes);
        let mut wrapped = Vec::new();
        for line in text.as_bytes().chunks(width) {
            wrapped.extend_from_slice(line);
            wrapped.extend_from_slice(b"\r\n");
        }
        prop_assert_eq!(&body("base64", &wrapped, PartLimits::default(), &sizes), &bytes);
        let mut inline = Vec::new();
        Base64Reader::new(io::BufReader::with_capacity(sizes[0], &wrapped[..])).read_to_end(&mut inline).unwrap();
        prop_assert_eq!(inline, bytes);
    }

    #[test]
    fn quoted_printable_reads_back(
        bytes in proptest::collection::vec(any::<u8>(), 0..20_000),
        sizes in proptest::collection::vec(1usize..5_000, 1..5),
    ) {
        prop_assert_eq!(body("quoted-printable", &quoted(&bytes), PartLimits::default(), &sizes), bytes);
    }

    #[test]
    fn our_base64_agrees_with_the_crate(text in "[A-Za-z0-9+/=]{0,24}") {
        let mut ours = Vec::new();
        let result = Base64Reader::new(text.as_bytes()).read_to_end(&mut ours);
        match STANDARD.decode(&text) {
            Ok(theirs) => {
                prop_assert!(result.is_ok(), "{:?}", text);
                prop_assert_eq!(ours, theirs);
            }
            Err(_) => {
                let error = result.expect_err("the crate refuses it");
                let fault = error.get_ref().and_then(|e| e.downcast_ref::<Base64Fault>()).copied().unwrap();
                prop_assert!(fault.byte <= text.len() as u64 && fault.code().starts_with("base64-"));
            }
        }
    }
}
