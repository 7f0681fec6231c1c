//! How many heaps the C library's allocator may make.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// What glibc reads the number of its heaps from, once, before a program begins.
const HEAPS: &str = "MALLOC_ARENA_MAX";

/// From which size on, in bytes, it takes memory from the system by itself and gives it back when it is free.
const APART: &str = "MALLOC_MMAP_THRESHOLD_";

/// Larger than what most of the work is done in, smaller than a segment of the spool.
const LARGE: &str = "262144";

/// As many as threads that compute at once on a small machine.
const FEW: &str = "2";

/// What glibc reads settings from that have no variable of their own.
const SETTINGS: &str = "GLIBC_TUNABLES";

/// Small pieces of each size that a thread keeps for itself, instead of 7: threads that share a heap wait for each other less, which was
/// an eighth of what a small message costs. At most 1 MiB a thread.
const AT_HAND: &str = "glibc.malloc.tcache_count=32";

/// Starts this program again, in the same process, with few heaps, unless somebody has said how many there may be.
///
/// What is large is taken apart: left to itself glibc takes it from a heap as soon as something as large was once free, and there
/// segments that are read on the way out lie between small things that stay.
///
/// Left to itself glibc gives nearly every thread a heap of its own, up to eight for each core, and each stays about as
/// large as it ever was: chunks are encoded on many threads, one after the other, and memory grew with how long a
/// gateway had been delivering. There is a function to set the number, but no safe one. Where the program cannot be
/// started again (its file was replaced meanwhile, `/proc` is not there), it goes on as it is: that costs some memory
/// and nothing else.
pub(crate) fn keep_few() {
    if std::env::var_os(HEAPS).is_some() {
        return;
    }
    let (Ok(program), mut words) = (std::env::current_exe(), std::env::args_os()) else { return };
    let name = words.next();
    let mut again = Command::new(&program);
    again
        .arg0(name.as_deref().unwrap_or(OsStr::new("sekisho")))
        .args(words)
        .env(HEAPS, FEW)
        .env(APART, LARGE);
    if std::env::var_os(SETTINGS).is_none() {
        again.env(SETTINGS, AT_HAND);
    }
    // Comes back only where it could not be done.
    let _ = again.exec();
}
