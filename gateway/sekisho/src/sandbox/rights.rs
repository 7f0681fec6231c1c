//! Rights of the process: new privileges, capabilities, core dumps.

use std::io;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, capability_is_in_bounding_set, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};

use super::{Missing, Part, Reach};

/// Gives up all of them, but the right to a port below 1024 where a listener has one: which port that is, Landlock says.
pub(super) fn give_up(reach: &Reach) -> Vec<Missing> {
    let privileged = reach.listen.iter().any(|port| (1..1024).contains(port));
    let kept = if privileged { CapabilitySet::NET_BIND_SERVICE } else { CapabilitySet::empty() };
    // A process that may not drop from the bounding set still cannot gain anything from it, once it has no new privileges.
    [
        (Part::Capabilities, drop_capabilities(kept)),
        (Part::Privileges, set_no_new_privs(true).map_err(io::Error::from)),
        (Part::CoreDumps, no_core_dumps()),
    ]
    .into_iter()
    .filter_map(|(part, done)| Some(Missing { part, why: done.err()?.to_string() }))
    .collect()
}

fn drop_capabilities(kept: CapabilitySet) -> io::Result<()> {
    let before = capabilities(None)?;
    if before.effective.contains(CapabilitySet::SETPCAP) {
        for one in (0..u64::BITS).map(|bit| CapabilitySet::from_bits_retain(1 << bit)) {
            // Fails beyond the last capability of this kernel.
            if matches!(capability_is_in_bounding_set(one), Ok(true)) && !kept.contains(one) {
                remove_capability_from_bounding_set(one)?;
            }
        }
    }
    clear_ambient_capability_set()?;
    let kept = before.permitted & kept;
    set_capabilities(
        None,
        CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() },
    )?;
    Ok(())
}

/// No core file, no core on a pipe, and no other program of this user that looks into the memory.
fn no_core_dumps() -> io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}
