//! A few connections that only read, for blocking threads. Readers and the writer never wait for one another (WAL).

use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};

use rusqlite::Connection;

use super::error::Result;
use super::schema;

/// How many read at a time; others wait.
const CONNECTIONS: usize = 4;

#[derive(Debug)]
pub(super) struct Readers {
    idle: Mutex<Vec<Connection>>,
    returned: Condvar,
}

impl Readers {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let idle = (0..CONNECTIONS).map(|_| schema::open_reader(path)).collect::<Result<_>>()?;
        Ok(Self { idle: Mutex::new(idle), returned: Condvar::new() })
    }

    /// Blocks until a connection is free, then reads.
    pub(super) fn read<T>(&self, query: impl FnOnce(&Connection) -> T) -> T {
        let borrowed = Borrowed { readers: self, connection: [self.take()].into() };
        query(&borrowed.connection[0]) // the one that was put there
    }

    fn take(&self) -> Connection {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match idle.pop() {
                Some(connection) => return connection,
                None => idle = self.returned.wait(idle).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

/// Goes back whatever the query does.
struct Borrowed<'r> {
    readers: &'r Readers,
    /// One; a `Vec` so that it can be moved out when this is dropped.
    connection: Vec<Connection>,
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        let mut idle = self.readers.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.append(&mut self.connection);
        self.readers.returned.notify_one();
    }
}
