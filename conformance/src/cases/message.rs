//! From a case's request to bytes.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use memchr::memmem;

use super::case::Send;
use crate::generate;

/// Texts by name, for `${name}`.
pub(crate) type Names = BTreeMap<String, String>;

/// The request as bytes.
///
/// # Errors
/// A name is not known, a fixture is missing, a body cannot be made.
pub(crate) fn bytes(send: &Send, names: &Names, fixtures: &Path) -> anyhow::Result<Vec<u8>> {
    if !send.raw.is_empty() {
        let mut bytes = single(&expand(&send.raw, &filled(send, names))?, send.latin1)?;
        bytes.truncate(bytes.len().saturating_sub(send.cut));
        return Ok(bytes);
    }
    let (head, body, trailers) = if send.fixture.is_empty() {
        let mut names = filled(send, names);
        let body = body(send, &names)?;
        names.insert("sha256".to_owned(), STANDARD.encode(digest(&SHA256, &body)));
        (head(send, &names, body.len())?, body, expand(&send.trailers, &names)?)
    } else {
        let (head, body) = fixture(send, names, fixtures)?;
        (head, body, expand(&send.trailers, names)?)
    };
    let mut bytes = single(&head.replace('\n', "\r\n"), send.latin1)?;
    bytes.extend_from_slice(b"\r\n\r\n");
    if send.chunked > 0 {
        for chunk in body.chunks(send.chunked) {
            bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            bytes.extend_from_slice(chunk);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"0\r\n");
        for line in trailers.lines() {
            bytes.extend_from_slice(format!("{line}\r\n").as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
    } else {
        bytes.extend_from_slice(&body);
    }
    bytes.truncate(bytes.len().saturating_sub(send.cut));
    Ok(bytes)
}

/// The names, and those of the request's own repetitions.
fn filled(send: &Send, names: &Names) -> Names {
    let mut names = names.clone();
    for (name, fill) in &send.fill {
        let text = (1..=fill.times).map(|number| fill.text.replace("${n}", &number.to_string())).collect();
        names.insert(name.clone(), text);
    }
    names
}

/// The text's bytes: those of UTF-8, or one for each character.
fn single(text: &str, latin1: bool) -> anyhow::Result<Vec<u8>> {
    if !latin1 {
        return Ok(text.as_bytes().to_vec());
    }
    text.chars().map(|c| u8::try_from(c).with_context(|| format!("{c:?} is no single byte"))).collect()
}

/// Puts texts in the place of their names.
///
/// # Errors
/// A name is not known.
pub(crate) fn expand(text: &str, names: &Names) -> anyhow::Result<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        out.push_str(&rest[..start]);
        let end = rest[start..].find('}').ok_or_else(|| anyhow!("a ${{ without its }}"))? + start;
        let name = &rest[start + 2..end];
        let value = names.get(name).ok_or_else(|| anyhow!("the name {name} is not known"))?;
        // Texts of a file may hold further names.
        out.push_str(&expand(value, names)?);
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

fn head(send: &Send, names: &Names, length: usize) -> anyhow::Result<String> {
    let text = expand(send.head.trim_matches('\n'), names)?;
    if send.raw_head {
        return Ok(text);
    }
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let Some(first) = lines.first_mut() else { bail!("the head is empty") };
    if !first.contains(" HTTP/") {
        first.push_str(" HTTP/1.1");
    }
    let has = |name: &str| lines.iter().skip(1).any(|line| line.to_ascii_lowercase().starts_with(name));
    let (host, framed) = (has("host:"), has("content-length:") || has("transfer-encoding:"));
    if !host {
        lines.push(expand("Host: ${host}", names)?);
    }
    if send.chunked > 0 {
        lines.push("Transfer-Encoding: chunked".to_owned());
    } else if !framed && (length > 0 || !lines[0].starts_with("GET ")) {
        lines.push(format!("Content-Length: {length}"));
    }
    Ok(lines.join("\n"))
}

fn body(send: &Send, names: &Names) -> anyhow::Result<Vec<u8>> {
    let mut body = if let Some(generate) = &send.generate {
        let mut out = Vec::new();
        generate::write(&generate.options().map_err(anyhow::Error::msg)?, &mut out)?;
        out
    } else if send.hex.is_empty() {
        let text = expand(&send.body, names)?;
        let text = if send.lf { text } else { text.replace("\r\n", "\n").replace('\n', "\r\n") };
        if send.latin1 { single(&text, true)? } else { encoded(&text, &send.encoding) }
    } else {
        unhex(&send.hex)?
    };
    if send.gzip {
        let mut packer = GzEncoder::new(Vec::new(), Compression::default());
        packer.write_all(&body)?;
        body = packer.finish()?;
    }
    if send.flip > 0 {
        let at = body.len().checked_sub(send.flip).ok_or_else(|| anyhow!("flip is beyond the body"))?;
        body[at] ^= 0x01;
    }
    Ok(body)
}

fn encoded(text: &str, encoding: &str) -> Vec<u8> {
    let marked = if encoding.ends_with("-bom") { "\u{feff}" } else { "" };
    let units = marked.encode_utf16().chain(text.encode_utf16());
    match encoding.trim_end_matches("-bom") {
        "utf-16le" => units.flat_map(u16::to_le_bytes).collect(),
        "utf-16be" => units.flat_map(u16::to_be_bytes).collect(),
        _ => text.as_bytes().to_vec(),
    }
}

fn unhex(text: &str) -> anyhow::Result<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits
        .chunks(2)
        .map(|pair| {
            let pair = std::str::from_utf8(pair)?;
            u8::from_str_radix(pair, 16).with_context(|| format!("{pair:?} is no hexadecimal byte"))
        })
        .collect()
}

/// Head and body of a captured request, for this target.
fn fixture(send: &Send, names: &Names, folder: &Path) -> anyhow::Result<(String, Vec<u8>)> {
    let path = folder.join(&send.fixture);
    let whole = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let end = memmem::find(&whole, b"\r\n\r\n")
        .ok_or_else(|| anyhow!("{} has no end of its head", path.display()))?;
    let head = std::str::from_utf8(&whole[..end])?.replace("\r\n", "\n");
    let mut lines: Vec<String> = head.lines().map(str::to_owned).collect();
    if let Some(first) = lines.first_mut() {
        *first = first.replacen(" /bulk ", &expand(" ${path}${below} ", names)?, 1);
    }
    for line in &mut lines {
        if line.to_ascii_lowercase().starts_with("host:") {
            *line = expand("Host: ${host}", names)?;
        }
    }
    Ok((lines.join("\n"), whole[end + 4..].to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        [("host", "h:1"), ("a", "x${b}x"), ("b", "y")].map(|(k, v)| (k.to_owned(), v.to_owned())).into()
    }

    #[test]
    fn names_stand_for_texts_and_texts_for_texts() {
        assert_eq!(expand("${a}-${b}", &names()).unwrap(), "xyx-y");
        assert!(expand("${c}", &names()).is_err());
        assert!(expand("${a", &names()).is_err());
    }

    #[test]
    fn a_head_is_completed_unless_it_is_raw() {
        let send = Send { head: "POST /x".to_owned(), body: "a\nb".to_owned(), ..Send::default() };
        let made = bytes(&send, &names(), Path::new("")).unwrap();
        assert_eq!(made, b"POST /x HTTP/1.1\r\nHost: h:1\r\nContent-Length: 4\r\n\r\na\r\nb");
        let send = Send { raw_head: true, ..send };
        assert_eq!(bytes(&send, &names(), Path::new("")).unwrap(), b"POST /x\r\n\r\na\r\nb");
    }

    #[test]
    fn what_is_raw_is_sent_as_it_stands() {
        let send = Send { raw: "GET ${a}\n\u{ff}".to_owned(), latin1: true, ..Send::default() };
        assert_eq!(bytes(&send, &names(), Path::new("")).unwrap(), b"GET xyx\n\xff");
        let send = Send { raw: "漢".to_owned(), ..send };
        assert!(bytes(&send, &names(), Path::new("")).is_err());
    }

    #[test]
    fn bodies_are_chunked_cut_flipped_and_encoded() {
        let send = Send {
            head: "POST /x".to_owned(),
            body: "abc".to_owned(),
            chunked: 2,
            cut: 1,
            ..Send::default()
        };
        let made = bytes(&send, &names(), Path::new("")).unwrap();
        assert!(made.ends_with(b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r"));
        let send = Send { trailers: "A: ${sha256}\nB: b".to_owned(), cut: 0, ..send };
        let made = bytes(&send, &names(), Path::new("")).unwrap();
        assert!(made.ends_with(b"c\r\n0\r\nA: ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=\r\nB: b\r\n\r\n"));
        assert!(Send { chunked: 0, ..send }.sound().is_err());
        let send = Send { body: "a".to_owned(), encoding: "utf-16le-bom".to_owned(), ..Send::default() };
        assert_eq!(body(&send, &names()).unwrap(), [0xff, 0xfe, b'a', 0]);
        let send = Send { hex: "8a 41".to_owned(), flip: 1, ..Send::default() };
        assert_eq!(body(&send, &names()).unwrap(), [0x8a, 0x40]);
    }
}
