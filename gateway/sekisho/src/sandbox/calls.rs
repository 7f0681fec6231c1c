//! System calls: seccomp. What is not on the list fails with `EPERM`, as in a service that systemd filters.

use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::{
    BackendError, BpfProgram, Error, SeccompAction, SeccompCmpArgLen as Width, SeccompCmpOp as Is,
    SeccompCondition as Where, SeccompFilter, SeccompRule, TargetArch, apply_filter,
};

use super::{Missing, Part};

/// What a gateway calls: files and folders, memory, sockets, time, threads of its own, and the end of the process. No
/// program is started, nothing is mounted or traced, no key ring, no module, no other process is touched.
#[rustfmt::skip]
const CALLS: &[c_long] = &[
    // Files.
    libc::SYS_openat, libc::SYS_close, libc::SYS_close_range, libc::SYS_read, libc::SYS_write, libc::SYS_readv,
    libc::SYS_writev, libc::SYS_pread64, libc::SYS_pwrite64, libc::SYS_preadv, libc::SYS_pwritev, libc::SYS_preadv2,
    libc::SYS_pwritev2, libc::SYS_lseek, libc::SYS_fstat, libc::SYS_newfstatat, libc::SYS_statx, libc::SYS_statfs,
    libc::SYS_fstatfs, libc::SYS_fcntl, libc::SYS_flock, libc::SYS_ftruncate, libc::SYS_fallocate, libc::SYS_fadvise64,
    libc::SYS_fsync, libc::SYS_fdatasync, libc::SYS_sync_file_range, libc::SYS_mkdirat, libc::SYS_unlinkat,
    libc::SYS_linkat, libc::SYS_renameat, libc::SYS_renameat2, libc::SYS_readlinkat, libc::SYS_faccessat,
    libc::SYS_faccessat2, libc::SYS_getdents64, libc::SYS_fchmod, libc::SYS_fchown, libc::SYS_utimensat,
    libc::SYS_getcwd, libc::SYS_umask, libc::SYS_copy_file_range, libc::SYS_sendfile, libc::SYS_splice,
    // Memory.
    libc::SYS_brk, libc::SYS_munmap, libc::SYS_mremap, libc::SYS_madvise, libc::SYS_msync, libc::SYS_mincore,
    libc::SYS_mlock, libc::SYS_mlock2, libc::SYS_munlock, libc::SYS_membarrier,
    // Sockets, and waiting for them.
    libc::SYS_bind, libc::SYS_listen, libc::SYS_accept, libc::SYS_accept4, libc::SYS_connect, libc::SYS_getsockname,
    libc::SYS_getpeername, libc::SYS_setsockopt, libc::SYS_getsockopt, libc::SYS_sendto, libc::SYS_recvfrom,
    libc::SYS_sendmsg, libc::SYS_recvmsg, libc::SYS_sendmmsg, libc::SYS_recvmmsg, libc::SYS_shutdown,
    libc::SYS_ppoll, libc::SYS_pselect6, libc::SYS_epoll_create1, libc::SYS_epoll_ctl, libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2, libc::SYS_eventfd2, libc::SYS_pipe2, libc::SYS_dup, libc::SYS_dup3,
    // Time.
    libc::SYS_clock_gettime, libc::SYS_clock_getres, libc::SYS_clock_nanosleep, libc::SYS_nanosleep,
    libc::SYS_gettimeofday, libc::SYS_timerfd_create, libc::SYS_timerfd_settime, libc::SYS_timerfd_gettime,
    // Threads and signals of its own.
    libc::SYS_clone3, libc::SYS_futex, libc::SYS_set_robust_list, libc::SYS_get_robust_list, libc::SYS_rseq,
    libc::SYS_set_tid_address, libc::SYS_sched_yield, libc::SYS_sched_getaffinity, libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler, libc::SYS_rt_sigaction, libc::SYS_rt_sigprocmask, libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigtimedwait, libc::SYS_sigaltstack, libc::SYS_restart_syscall, libc::SYS_exit, libc::SYS_exit_group,
    // What it is and where.
    libc::SYS_getpid, libc::SYS_getppid, libc::SYS_gettid, libc::SYS_getuid, libc::SYS_geteuid, libc::SYS_getgid,
    libc::SYS_getegid, libc::SYS_getresuid, libc::SYS_getresgid, libc::SYS_uname, libc::SYS_sysinfo,
    libc::SYS_getrusage, libc::SYS_times, libc::SYS_getrandom, libc::SYS_prlimit64, libc::SYS_capget,
];

/// What x86_64 has beside the calls above for the same.
#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
const OLDER: &[c_long] = &[
    libc::SYS_open, libc::SYS_stat, libc::SYS_lstat, libc::SYS_access, libc::SYS_readlink, libc::SYS_unlink,
    libc::SYS_rmdir, libc::SYS_mkdir, libc::SYS_link, libc::SYS_rename, libc::SYS_getdents, libc::SYS_poll,
    libc::SYS_select, libc::SYS_epoll_create, libc::SYS_epoll_wait, libc::SYS_eventfd, libc::SYS_pipe, libc::SYS_dup2,
    libc::SYS_time, libc::SYS_arch_prctl, libc::SYS_getrlimit,
];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[c_long] = &[];

/// Gives up all others.
pub(super) fn give_up() -> Option<Missing> {
    let done = programs()
        .map_err(Error::from)
        .and_then(|programs| programs.iter().try_for_each(|program| apply_filter(program)));
    Some(Missing { part: Part::Calls, why: done.err()?.to_string() })
}

/// Two filters, of whose answers the stricter one counts.
fn programs() -> Result<[BpfProgram; 2], BackendError> {
    let refused = SeccompAction::Errno(libc::EPERM as u32);
    let list: BTreeMap<_, _> =
        CALLS.iter().chain(OLDER).map(|call| (*call, Vec::new())).chain(conditional()?).collect();
    // What a call of this kind makes cannot be seen by a filter, so the C library is made to take the older one.
    let unknown = SeccompAction::Errno(libc::ENOSYS as u32);
    let newest = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    Ok([compile(newest, SeccompAction::Allow, unknown)?, compile(list, refused, SeccompAction::Allow)?])
}

fn compile(
    rules: BTreeMap<c_long, Vec<SeccompRule>>,
    others: SeccompAction,
    listed: SeccompAction,
) -> Result<BpfProgram, BackendError> {
    let here = TargetArch::try_from(std::env::consts::ARCH)?;
    SeccompFilter::new(rules, others, listed, here)?.try_into()
}

/// Calls that are good with some arguments and not with others.
fn conditional() -> Result<Vec<(c_long, Vec<SeccompRule>)>, BackendError> {
    let any_of = |argument: u8, values: &[u64]| {
        values
            .iter()
            .map(|value| SeccompRule::new(vec![Where::new(argument, Width::Dword, Is::Eq, *value)?]))
            .collect::<Result<Vec<_>, _>>()
    };
    let masked = |argument: u8, mask: i32, value: i32| {
        SeccompRule::new(vec![Where::new(
            argument,
            Width::Dword,
            Is::MaskedEq(u64::from(mask.cast_unsigned())),
            u64::from(value.cast_unsigned()),
        )?])
    };
    let number = |value: i32| u64::from(value.cast_unsigned());
    let families = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6].map(number);
    let terminal = [libc::FIONBIO, libc::FIONREAD, libc::FIOCLEX, libc::TCGETS, libc::TIOCGWINSZ];
    let (written, run) = (libc::PROT_WRITE, libc::PROT_EXEC);
    let own = u64::from(std::process::id());
    #[cfg_attr(not(feature = "failpoints"), expect(unused_mut, reason = "one more with fail points"))]
    let mut calls = vec![
        (libc::SYS_socket, any_of(0, &families)?),
        (libc::SYS_socketpair, any_of(0, &[number(libc::AF_UNIX)])?),
        (libc::SYS_ioctl, any_of(1, &terminal.map(|request| request & 0xffff_ffff))?),
        (libc::SYS_prctl, any_of(0, &[libc::PR_SET_NAME, libc::PR_GET_NAME, libc::PR_SET_VMA].map(number))?),
        // Threads, no processes.
        (libc::SYS_clone, vec![masked(0, libc::CLONE_THREAD, libc::CLONE_THREAD)?]),
        // To itself, where it aborts.
        (libc::SYS_tgkill, any_of(0, &[own])?),
        // No memory that can be written is ever run.
        (libc::SYS_mmap, vec![masked(2, run, 0)?, masked(2, written | run, run)?]),
        (libc::SYS_mprotect, vec![masked(2, run, 0)?]),
    ];
    #[cfg(feature = "failpoints")]
    calls.push((libc::SYS_kill, any_of(0, &[own])?));
    Ok(calls)
}
