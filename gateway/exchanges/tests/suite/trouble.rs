//! A gateway that is killed, a disk that is full or gone.

use proptest::prelude::*;
use sekisho_exchanges::{Found, Recorder, SigningKey};

use crate::memory::{LIMITS, Memory, write};

fn open(memory: &Memory, now: u64) -> Recorder {
    Recorder::open(Box::new(memory.clone()), SigningKey::passing().unwrap(), LIMITS, now).unwrap()
}

proptest! {
    /// Killed at any byte, any number of times: what is left is taken up, the cut is on record, and nothing is wrong.
    #[test]
    fn a_killed_gateway_goes_on(kills in prop::collection::vec((1u64..30, 0usize..3_000), 1..5)) {
        let memory = Memory::default();
        let (mut now, mut cuts) = (0, 0);
        for (lines, lost) in kills {
            let mut recorder = open(&memory, now);
            let before = recorder.head().line;
            for number in 0..lines {
                now += 1;
                write(&mut recorder, number..number + 1, now).unwrap();
            }
            prop_assert!(recorder.head().line >= before + lines);
            drop(recorder);
            // The end of the newest file never reached the disk.
            let mut disk = memory.0.lock().unwrap();
            let mut newest = disk.files.last_entry().unwrap();
            let file = newest.get_mut();
            let first = file.iter().position(|byte| *byte == b'\n').unwrap() + 1;
            let left = file.len().saturating_sub(lost);
            file.truncate(left);
            // A file of which no line is left is as if it had not been begun.
            cuts += u64::from(left >= first || disk.files.len() > 1);
            drop(disk);
            let report = memory.verify(&[]).unwrap();
            prop_assert!(!report.closed || left < first);
        }
        let mut recorder = open(&memory, now);
        recorder.close(now).unwrap();
        let report = memory.verify(&[]).unwrap();
        prop_assert!(report.closed && report.torn == 0);
        prop_assert!(report.cuts <= cuts, "{} cuts of {cuts}", report.cuts);
    }

    /// However little room there is, and whenever there is some again: every line is on record or counted.
    #[test]
    fn on_a_full_disk_nothing_is_lost_uncounted(rooms in prop::collection::vec(0usize..6_000, 1..6)) {
        let memory = Memory::default();
        let mut recorder = open(&memory, 0);
        let (mut now, mut handed) = (0, 0);
        for room in rooms {
            memory.0.lock().unwrap().room = Some(room);
            for _ in 0..10 {
                now += 500;
                let _ = write(&mut recorder, handed..handed + 2, now).and_then(|()| recorder.sync(now).map_err(|f| f.to_string()));
                handed += 2;
            }
        }
        memory.0.lock().unwrap().room = None;
        now += 10_000;
        write(&mut recorder, handed..handed + 1, now).unwrap();
        recorder.sync(now).unwrap();
        let report = memory.verify(&[]).unwrap();
        prop_assert_eq!(report.exchanges + report.lost, handed + 1);
        prop_assert_eq!(report.lost, recorder.lost());
    }
}

#[test]
fn a_disk_that_does_not_sync_is_given_up_and_what_is_there_counts() {
    let memory = Memory::default();
    let mut recorder = open(&memory, 0);
    write(&mut recorder, 0..3, 1).unwrap();
    memory.0.lock().unwrap().fails_to_sync = true;
    assert!(recorder.sync(2).is_err() && recorder.is_failing());
    assert!(write(&mut recorder, 3..5, 3).is_err());
    assert!(recorder.tick(1_500).is_err(), "it is tried again and fails again");
    memory.0.lock().unwrap().fails_to_sync = false;
    assert!(recorder.tick(2_000).is_err(), "not at once");
    recorder.tick(3_000).unwrap();
    assert!(!recorder.is_failing());
    let report = memory.verify(&[]).unwrap();
    // Three are on the disk whatever it said, two were never written.
    assert_eq!((report.exchanges, report.lost, report.cuts), (3, 2, 1));
    assert_eq!(recorder.lost(), 2);
}

#[test]
fn checkpoints_and_new_files_come_with_the_clock_too() {
    let memory = Memory::default();
    let mut recorder = open(&memory, 0);
    write(&mut recorder, 0..1, 10).unwrap();
    recorder.tick(900).unwrap();
    assert_eq!(memory.verify(&[]).unwrap().unsigned, 1);
    recorder.tick(1_000).unwrap();
    assert_eq!(memory.verify(&[]).unwrap().unsigned, 0);
    recorder.tick(5_000).unwrap();
    assert_eq!(memory.verify(&[]).unwrap().signed, 2, "nothing new, nothing to sign");
    recorder.tick(1_000_000).unwrap();
    assert_eq!((recorder.file(), memory.files().len()), (2, 2));
    assert!(memory.verify(&[]).is_ok());
}

#[test]
fn a_folder_with_something_else_in_it_is_not_taken_up() {
    let memory = Memory::default();
    memory.0.lock().unwrap().files.insert(1, b"no line of a log\n".to_vec());
    let opened = Recorder::open(Box::new(memory.clone()), SigningKey::passing().unwrap(), LIMITS, 0);
    assert!(opened.unwrap_err().to_string().contains("does not begin"));
    assert_eq!(memory.verify(&[]).unwrap_err().found, Found::NoLine);
    // What never had an end is nothing.
    memory.0.lock().unwrap().files.insert(1, b"{\"line\":1,\"ki".to_vec());
    assert!(memory.verify(&[]).is_ok_and(|report| report.torn == 13));
    assert_eq!(open(&memory, 0).head().line, 1);
}
