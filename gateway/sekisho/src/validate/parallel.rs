//! Many files at once, told in their order, in bounded memory.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};

use super::check::Check;
use super::finding::Told;

/// How many findings of one file wait for those of the files before it; then its check waits.
const WAITING: usize = 256;
/// Files for each worker that are begun before the one whose turn it is has been told.
const AHEAD: usize = 2;

/// Checks the files with as many workers as `jobs`, and calls `tell` with all that is found, file by file in order.
///
/// # Errors
/// The first one of `tell`: nothing more is begun then.
pub(super) fn in_order(
    check: &Check,
    files: &[PathBuf],
    jobs: usize,
    tell: &mut dyn FnMut(&Path, Told) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let jobs = jobs.clamp(1, files.len().max(1));
    let (give, take) = sync_channel::<(&Path, SyncSender<Told>)>(jobs * AHEAD);
    let take = Mutex::new(take);
    let take = &take;
    std::thread::scope(move |scope| {
        // Gone with this scope's work, whatever ends it: the workers then end, too.
        let give = give;
        for _ in 0..jobs {
            scope.spawn(move || work(check, take));
        }
        // Work is taken in order, so that the file whose turn it is never waits for one that comes after it.
        let mut waiting: VecDeque<(&Path, Receiver<Told>)> = VecDeque::new();
        let mut rest = files.iter();
        loop {
            while waiting.len() < jobs * AHEAD
                && let Some(file) = rest.next()
            {
                let (sender, receiver) = sync_channel(WAITING);
                if give.send((file, sender)).is_ok() {
                    waiting.push_back((file, receiver));
                }
            }
            let Some((file, receiver)) = waiting.pop_front() else { return Ok(()) };
            for told in receiver {
                tell(file, told)?;
            }
        }
    })
}

fn work(check: &Check, take: &Mutex<Receiver<(&Path, SyncSender<Told>)>>) {
    loop {
        // Nothing can be left half done by a worker that panics here.
        let next = take.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((file, sender)) = next else { return };
        // Nobody listens any more when what was told could not be written.
        let end = check.file(file, &mut |finding| drop(sender.send(Told::Finding(Box::new(finding)))));
        let _ = sender.send(Told::End(end));
    }
}
