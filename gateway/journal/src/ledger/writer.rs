//! The one thread that writes: requests that come while it is busy share the next transaction.

use std::thread::{Builder, JoinHandle};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::error::{LedgerError, Result, StorageContext};
use super::store::Store;
#[cfg(feature = "failpoints")]
use crate::failpoints::{self, Point};

/// Requests that wait; beyond, those who ask wait.
const MOST_WAITING: usize = 1_024;
/// Requests in one transaction.
const MOST_TOGETHER: usize = 256;

/// Something to be done inside a transaction.
pub(super) trait Job: Send {
    /// Does it. False: nothing of it may stay.
    fn run(&mut self, store: &mut Store) -> bool;
    /// Tells who asked, after the transaction is on the disk or has failed.
    fn answer(self: Box<Self>, committed: &Result<()>);
}

struct Asked<W, T> {
    work: Option<W>,
    /// None as long as it was not tried.
    outcome: Option<Result<T>>,
    reply: oneshot::Sender<Result<T>>,
}

impl<W, T> Job for Asked<W, T>
where
    W: FnOnce(&mut Store) -> Result<T> + Send,
    T: Send,
{
    fn run(&mut self, store: &mut Store) -> bool {
        if let Some(work) = self.work.take() {
            self.outcome = Some(work(store));
        }
        matches!(self.outcome, Some(Ok(_)))
    }

    fn answer(self: Box<Self>, committed: &Result<()>) {
        // An error of its own says more than that of the transaction. Who no longer waits is not told.
        let _ = self.reply.send(match (self.outcome, committed) {
            (Some(Err(own)), _) => Err(own),
            (_, Err(error)) => Err(error.clone()),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => Err(LedgerError::Closed), // not reached: all are tried before a commit
        });
    }
}

/// The way to the writer's thread. The thread ends when this is dropped, after what is under way.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(store: Store) -> Result<Self> {
        let (queue, jobs) = mpsc::channel(MOST_WAITING);
        let thread = Builder::new()
            .name("ledger".into())
            .spawn(move || work(store, jobs))
            .doing("starting the ledger's writer")?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Asks and waits. If the future is dropped before it is ready, the work may or may not be done.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Store) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (job, answer) = job(work);
        self.queue()?.send(job).await.map_err(|_| LedgerError::Closed)?;
        answer.await.unwrap_or(Err(LedgerError::Closed))
    }

    /// [`Writer::ask`] for a thread that may block.
    pub(super) fn ask_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Store) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (job, answer) = job(work);
        self.queue()?.blocking_send(job).map_err(|_| LedgerError::Closed)?;
        answer.blocking_recv().unwrap_or(Err(LedgerError::Closed))
    }

    fn queue(&self) -> Result<&mpsc::Sender<Box<dyn Job>>> {
        self.queue.as_ref().ok_or(LedgerError::Closed)
    }
}

impl Drop for Writer {
    /// Waits for the transaction under way, so that the file is closed when the last handle is gone.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // a panic there was reported there
        }
    }
}

fn job<W, T>(work: W) -> (Box<dyn Job>, oneshot::Receiver<Result<T>>)
where
    W: FnOnce(&mut Store) -> Result<T> + Send + 'static,
    T: Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    (Box::new(Asked { work: Some(work), outcome: None, reply }), answer)
}

fn work(mut store: Store, mut jobs: mpsc::Receiver<Box<dyn Job>>) {
    while let Some(first) = jobs.blocking_recv() {
        let mut together = vec![first];
        while together.len() < MOST_TOGETHER
            && let Ok(next) = jobs.try_recv()
        {
            together.push(next);
        }
        let committed = transact(&mut store, &mut together);
        if let Err(error) = &committed {
            tracing::error!(code = error.code(), %error, requests = together.len(), "a ledger transaction failed");
        }
        for job in together {
            job.answer(&committed);
        }
    }
}

/// All of the jobs in one transaction; one that fails takes only its own changes with it.
fn transact(store: &mut Store, jobs: &mut [Box<dyn Job>]) -> Result<()> {
    let done = begin(store).and_then(|()| {
        for job in jobs {
            step(&store.connection, "SAVEPOINT job")?;
            store.trim();
            if !job.run(store) {
                // A full disk, for one, may have ended the whole transaction already.
                if store.connection.is_autocommit() {
                    return Err(LedgerError::Storage {
                        what: "writing to the ledger",
                        problem: "the transaction was rolled back".into(),
                    });
                }
                step(&store.connection, "ROLLBACK TO job")?;
            }
            step(&store.connection, "RELEASE job")?;
        }
        #[cfg(feature = "failpoints")]
        failpoints::fails(Point::TransactionCommit).doing("writing to the ledger")?;
        step(&store.connection, "COMMIT")?;
        #[cfg(feature = "failpoints")]
        failpoints::fails(Point::TransactionCommitted).doing("writing to the ledger")?;
        Ok(())
    });
    if done.is_err() {
        store.forget_all();
        if !store.connection.is_autocommit() {
            // If this fails too, the next transaction cannot begin, and says so.
            let _ = store.connection.execute_batch("ROLLBACK");
        }
    }
    done
}

fn begin(store: &Store) -> Result<()> {
    #[cfg(feature = "failpoints")]
    failpoints::fails(Point::TransactionBegin).doing("writing to the ledger")?;
    step(&store.connection, "BEGIN IMMEDIATE")?;
    store.check_owner()
}

fn step(connection: &Connection, sql: &str) -> Result<()> {
    let writing = "writing to the ledger";
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute([])).map(drop).doing(writing)
}

#[cfg(test)]
mod tests;
