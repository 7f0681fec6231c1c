//! What is read of an exchange log: by a verifier, and by a gateway that goes on with it.

use std::io::BufReader;

use sekisho_exchanges::{
    Choice, Export, ExportForm, FileSystem, Finding, Limits, Recorder, Report, SigningKey, Verifier,
    file_name, verify_folder,
};

fn verdict(bytes: &[u8], buffer: usize) -> (Result<(), Finding>, Option<Report>) {
    let mut verifier = Verifier::new(Vec::new(), Vec::new());
    let read = verifier.file(1, BufReader::with_capacity(buffer, bytes), |_| Ok(())).unwrap();
    (read, verifier.finish(false).ok())
}

/// A file of the log: one verdict however its bytes come; where nothing is wrong, one other byte is; and a gateway goes on with it
/// so that nothing is wrong afterwards.
pub(crate) fn file(bytes: &[u8]) {
    let whole = verdict(bytes, 1 << 16);
    assert_eq!(verdict(bytes, 7), whole);
    let (Ok(()), Some(report)) = whole else { return };
    let mut export = Export::begin(Choice::default(), ExportForm::Csv, Vec::new()).unwrap();
    let mut verifier = Verifier::new(Vec::new(), Vec::new());
    // What is chained need not be JSON: nobody but a gateway's writer has chained it before.
    let _ = verifier
        .file(1, bytes, |line| {
            let _ = export.line(line);
            Ok(())
        })
        .unwrap();

    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(file_name(1)), bytes).unwrap();
    let files = FileSystem::open(folder.path()).unwrap();
    let mut recorder =
        Recorder::open(Box::new(files), SigningKey::passing().unwrap(), Limits::default(), 1).unwrap();
    recorder.write([&b",\"kind\":\"exchange\""[..]].into_iter(), 2).unwrap();
    recorder.close(3).unwrap();
    let after = |verifier| verify_folder(folder.path(), verifier, true, |_| Ok(())).unwrap();
    let again = after(Verifier::new(Vec::new(), report.head.into_iter().collect())).unwrap();
    assert_eq!(again.exchanges, report.exchanges + 1);

    if report.head.is_some() {
        let mut other = bytes.to_vec();
        let lines = other.iter().rposition(|byte| *byte == b'\n').unwrap();
        let at = bytes.len() % (lines + 1);
        other[at] ^= 1;
        std::fs::write(folder.path().join(file_name(1)), other).unwrap();
        assert!(after(Verifier::new(Vec::new(), Vec::new())).is_err(), "byte {at}");
    }
}
