//! Whatever is done to a log, the first place where it was done is found.

use std::sync::OnceLock;

use proptest::prelude::*;
use sekisho_exchanges::{Found, Head, PublicKey, Recorder, SigningKey, Verifier};

use crate::memory::{LIMITS, Memory, verify, write, written};

type Files = Vec<(u64, Vec<u8>)>;

/// Where each line of a file begins, and where the last one ends.
fn bounds(file: &[u8]) -> Vec<usize> {
    let ends = file.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    std::iter::once(0).chain(ends).collect()
}

/// Written once for all tests here.
fn log() -> (Files, PublicKey) {
    static LOG: OnceLock<(Files, PublicKey)> = OnceLock::new();
    LOG.get_or_init(make).clone()
}

fn make() -> (Files, PublicKey) {
    let (memory, key) = written(60);
    let files = memory.files();
    assert!(files.len() >= 4, "{} files", files.len());
    let report = verify(&files, &[key], true).unwrap();
    assert_eq!((report.exchanges, report.first, report.closed), (60, Some(1), true));
    assert_eq!((report.unsigned, report.torn, report.cuts, report.lost), (0, 0, 0, 0));
    (files, key)
}

fn found(files: &Files, key: PublicKey) -> (u64, u64, Found) {
    let finding = verify(files, &[key], true).unwrap_err();
    (finding.file, finding.place, finding.found)
}

proptest! {
    #[test]
    fn any_altered_byte_is_found_in_its_line(file in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), flip in 1u8..) {
        let (mut files, key) = log();
        let file = file.index(files.len());
        let at = at.index(files[file].1.len());
        let place = bounds(&files[file].1).iter().filter(|begin| **begin <= at).count() as u64;
        let lines = bounds(&files[file].1).len() as u64 - 1;
        files[file].1[at] ^= flip;
        let (number, line, found) = found(&files, key);
        // A line end that was made longer the next line has, and one that was made shorter this one; the last line of a file
        // that has lost its end shows in the next file.
        let last_lost = place == lines && matches!(found, Found::OtherFileBefore | Found::OtherEnd | Found::NotClosed);
        prop_assert!(number == files[file].0 && line == place || last_lost, "{number}:{line} {found:?}, not {file}:{place}");
    }

    #[test]
    fn a_removed_line_is_missed_where_it_was(file in any::<prop::sample::Index>(), line in any::<prop::sample::Index>()) {
        let (mut files, key) = log();
        let file = file.index(files.len());
        let bounds = bounds(&files[file].1);
        let line = line.index(bounds.len() - 1);
        let number = number_of(&files[file].1[bounds[line]..]);
        files[file].1.drain(bounds[line]..bounds[line + 1]);
        let (at, place, found) = found(&files, key);
        if line + 2 == bounds.len() {
            // The last of its file: the next one does not follow, or the log is not closed.
            prop_assert!(matches!(found, Found::OtherFileBefore | Found::NotClosed), "{found:?}");
        } else if line == 0 {
            prop_assert_eq!((at, place, found), (files[file].0, 1, Found::NoBeginning));
        } else {
            let wanted = Found::Missing { first: number, last: number };
            prop_assert_eq!((at, place, found), (files[file].0, line as u64 + 1, wanted));
        }
    }

    #[test]
    fn a_doubled_line_and_two_that_changed_places_are_found(file in any::<prop::sample::Index>(), line in any::<prop::sample::Index>(), doubled: bool) {
        let (mut files, key) = log();
        let file = file.index(files.len());
        let at = bounds(&files[file].1);
        let line = 1 + line.index(at.len() - 3);
        let (first, second) = (files[file].1[at[line]..at[line + 1]].to_vec(), files[file].1[at[line + 1]..at[line + 2]].to_vec());
        let in_place = if doubled { [first.clone(), first, second].concat() } else { [second, first].concat() };
        files[file].1.splice(at[line]..at[line + 2], in_place);
        let (number, place, found) = found(&files, key);
        prop_assert_eq!(number, files[file].0);
        prop_assert_eq!(place, line as u64 + if doubled { 2 } else { 1 });
        if doubled {
            prop_assert!(matches!(found, Found::Elsewhere { .. } | Found::AfterTheLast), "{:?}", found);
        } else {
            prop_assert!(matches!(found, Found::Missing { .. }), "{:?}", found);
        }
    }

    #[test]
    fn a_log_that_was_cut_short_is_found(file in any::<prop::sample::Index>(), at in any::<prop::sample::Index>()) {
        let (mut files, key) = log();
        let file = file.index(files.len());
        let at = at.index(files[file].1.len());
        files[file].1.truncate(at);
        let (_, _, found) = found(&files, key);
        if file + 1 < files.len() {
            prop_assert!(
                matches!(found, Found::OtherFileBefore | Found::OtherEnd | Found::Empty | Found::Torn) , "{found:?}"
            );
        } else {
            prop_assert_eq!(found, Found::NotClosed);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>, number in 0..3u64) {
        let _ = verify(&[(number, bytes.clone()), (number + 1, bytes)], &[], false);
    }
}

fn number_of(line: &[u8]) -> u64 {
    let digits: String =
        line[b"{\"line\":".len()..].iter().map(|b| char::from(*b)).take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}

#[test]
fn files_that_are_missing_are_missed_but_for_the_first_and_the_last() {
    let (files, key) = log();
    for missing in 1..files.len() - 1 {
        let mut left = files.clone();
        left.remove(missing);
        let wanted = Found::FileMissing { wanted: files[missing].0 };
        assert_eq!(found(&left, key), (files[missing + 1].0, 0, wanted));
    }
    // Files that were put away are no mistake, and the report says with which line the rest begins.
    let report = verify(&files[2..], &[key], true).unwrap();
    assert_eq!(report.first, Some(number_of(&files[2].1)));
    // Of the newest, only a head that somebody has kept tells.
    let shorter = files[..2].to_vec();
    assert!(verify(&shorter, &[key], true).is_ok());
    let head = verify(&files, &[key], true).unwrap().head.unwrap();
    let mut verifier = Verifier::new(vec![key], vec![head]);
    for (number, file) in &shorter {
        verifier.file(*number, &file[..], |_| Ok(())).unwrap().unwrap();
    }
    assert_eq!(verifier.finish(true).unwrap_err().found, Found::HeadMissing { line: head.line });
}

#[test]
fn a_chain_that_was_made_anew_shows_at_the_next_signature() {
    let (files, key) = log();
    // Somebody alters a line and chains everything behind it anew, as well as can be done without the key.
    let mut forged = files.clone();
    let at = bounds(&forged[1].1);
    let file = forged[1].1.clone();
    let lines: Vec<&[u8]> = at.windows(2).map(|pair| &file[pair[0]..pair[1]]).collect();
    let first = number_of(lines[0]);
    let mut head = Head { line: first, hash: hash_of(lines[0]) };
    let mut out = lines[0].to_vec();
    for line in &lines[1..] {
        let text =
            String::from_utf8(line.to_vec()).unwrap().replace("\"client\":\"city\"", "\"client\":\"town\"");
        let members = &text[text.find(",\"kind\"").unwrap()..text.rfind(",\"hash\":").unwrap()];
        chain(&mut head, members, &mut out);
    }
    forged[1].1 = out;
    let checkpoint =
        lines.iter().position(|line| line.windows(10).any(|seen| seen == b"checkpoint")).unwrap();
    assert_eq!(found(&forged, key), (forged[1].0, checkpoint as u64 + 1, Found::Signature));

    // And somebody with a key of his own makes it all anew.
    let (other, _) = written(60);
    assert_eq!(found(&other.files(), key).2, Found::OtherKey);
    assert!(verify(&other.files(), &[], true).is_ok(), "without a key given, any key will do");
}

fn hash_of(line: &[u8]) -> [u8; 32] {
    sekisho_exchanges::line::Framed::read(line).unwrap().hash
}

/// As the documentation of a line says, and with none of the log's own code.
fn chain(head: &mut Head, members: &str, out: &mut Vec<u8>) {
    let text = format!("{{\"line\":{}{members}", head.line + 1);
    let digest =
        aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &[&head.hash[..], text.as_bytes()].concat());
    head.hash.copy_from_slice(digest.as_ref());
    head.line += 1;
    let hex: String = head.hash.iter().map(|byte| format!("{byte:02x}")).collect();
    out.extend_from_slice(format!("{text},\"hash\":\"{hex}\"}}\n").as_bytes());
}

#[test]
fn a_head_is_of_one_line_only() {
    let (files, key) = log();
    let head = verify(&files, &[key], true).unwrap().head.unwrap();
    let other = Head { hash: [1; 32], ..head };
    let mut verifier = Verifier::new(vec![key], vec![other]);
    let last = files.len() - 1;
    for (number, file) in &files[..last] {
        verifier.file(*number, &file[..], |_| Ok(())).unwrap().unwrap();
    }
    let finding = verifier.file(files[last].0, &files[last].1[..], |_| Ok(())).unwrap().unwrap_err();
    assert_eq!(finding.found, Found::OtherHead { line: head.line });
}

#[test]
fn what_was_altered_before_the_log_was_taken_up_is_found_afterwards() {
    let memory = Memory::default();
    let open = |now| Recorder::open(Box::new(memory.clone()), SigningKey::passing().unwrap(), LIMITS, now);
    let mut recorder = open(0).unwrap();
    write(&mut recorder, 0..4, 1).unwrap();
    drop(recorder);
    if let Some(file) = memory.0.lock().unwrap().files.get_mut(&1) {
        let at = bounds(file)[2] + 40;
        file[at] ^= 1;
    }
    let mut recorder = open(2).unwrap();
    write(&mut recorder, 4..6, 3).unwrap();
    let finding = memory.verify(&[]).unwrap_err();
    assert_eq!((finding.file, finding.place, finding.found), (1, 3, Found::Altered));
}
