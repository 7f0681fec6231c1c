//! Rules without which no promise holds, each looked at by itself: no seed is needed to see that it is broken.

use std::path::Path;
use std::sync::Arc;

use sekisho_journal::{BatchId, BatchState, Disk, Epoch, Event, Spool, SpoolError};
use sekisho_simulation::disk::{DiskFaults, ModelDisk};

const SPOOL: &str = "/spool";
const BATCHES: u8 = 40;

/// What was sealed is whole after a power failure.
pub(crate) fn what_is_sealed_survives_a_power_failure() -> bool {
    let (disk, spool) = spool();
    let batches = sealed(&spool);
    disk.lose_power();
    batches.iter().all(|batch| spool.reader(*batch).is_ok_and(|reader| reader.read(0..3).is_ok()))
}

/// Whoever was overtaken may write nothing more.
pub(crate) fn only_the_present_owner_may_write() -> bool {
    !Epoch(1).may_write(Epoch(2)) && Epoch(2).may_write(Epoch(2))
}

/// What was in flight at a take-over is in doubt.
pub(crate) fn what_was_in_flight_is_in_doubt() -> bool {
    let mut state = BatchState::new(2, 0);
    let opened = Event::ChunkOpened { chunk: 1, first: 0, count: 2, attempt: 1 };
    state.apply(&opened, Epoch(1), 1).expect("legal");
    matches!(state.taken_over().as_slice(), [Event::ChunkInDoubt { chunk: 1, .. }])
}

/// What was accepted stays at a start, and the rest goes.
pub(crate) fn what_was_accepted_stays() -> bool {
    let (_, spool) = spool();
    let batches = sealed(&spool);
    let (kept, left) = batches.split_at(batches.len() / 2);
    let removed = spool.recover(|batch| kept.contains(&batch)).expect("recovered");
    removed == left
        && kept.iter().all(|batch| spool.reader(*batch).is_ok())
        && left.iter().all(|batch| matches!(spool.reader(*batch), Err(SpoolError::Unknown(_))))
}

fn spool() -> (ModelDisk, Spool) {
    let disk = ModelDisk::new(1, DiskFaults::default());
    disk.create_folder(Path::new(SPOOL)).expect("a folder");
    disk.sync_folder(Path::new("/")).expect("synced");
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    (disk, Spool::on(shared, Path::new(SPOOL), &[7; 32]))
}

fn sealed(spool: &Spool) -> Vec<BatchId> {
    let batch = |number: u8| {
        let mut writer = spool.create(BatchId::from_bytes([number; 16])).expect("a batch");
        for record in 0..3 {
            writer.push(&[record; 20], Some(&[record])).expect("pushed");
        }
        writer.seal().expect("sealed").batch
    };
    (0..BATCHES).map(batch).collect()
}
