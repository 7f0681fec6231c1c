//! Before the first byte is read, the process gives up what it will never need: rights, files, ports, system calls.
//!
//! What is given up cannot be had again, by the process or by whoever takes it over. Threads take over what the thread has
//! given up that starts them, so all of this happens on the main thread, before there is another one.

mod calls;
mod files;
mod reach;
mod rights;

use prometheus::{IntGaugeVec, Opts, Registry};

pub(crate) use self::reach::Reach;
use crate::config::raw::MissingParts;
use crate::language::{Said, Text, text};

/// What can be given up, each by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// No file that is executed brings new rights.
    Privileges,
    /// The capabilities of root.
    Capabilities,
    /// Memory is neither written to disk at a crash nor shown to other programs of the same user.
    CoreDumps,
    /// All files but those that the configuration names.
    Files,
    /// All TCP ports but those that the configuration names.
    Ports,
    /// Signals and abstract sockets to programs outside.
    Signals,
    /// All system calls but those that a gateway makes.
    Calls,
}

impl Part {
    const ALL: [Self; 7] = [
        Self::Privileges,
        Self::Capabilities,
        Self::CoreDumps,
        Self::Files,
        Self::Ports,
        Self::Signals,
        Self::Calls,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Privileges => "privileges",
            Self::Capabilities => "capabilities",
            Self::CoreDumps => "core-dumps",
            Self::Files => "files",
            Self::Ports => "ports",
            Self::Signals => "signals",
            Self::Calls => "calls",
        }
    }

    /// What of the system is asked for it.
    fn needs(self) -> Text {
        match self {
            Self::Privileges | Self::Capabilities | Self::CoreDumps => {
                Text::new("prctl and capset", "prctlとcapset")
            }
            Self::Files => Text::new("Landlock of Linux 6.2", "Linux 6.2のLandlock"),
            Self::Ports => Text::new("Landlock of Linux 6.7", "Linux 6.7のLandlock"),
            Self::Signals => Text::new("Landlock of Linux 6.12", "Linux 6.12のLandlock"),
            Self::Calls => Text::new("seccomp on x86_64 or aarch64", "x86_64またはaarch64のseccomp"),
        }
    }
}

/// A part that could not be given up, and why, in the system's words.
#[derive(Debug)]
pub(crate) struct Missing {
    part: Part,
    why: String,
}

/// What the process has left, and what it could not be freed from.
#[derive(Debug)]
pub(crate) struct Sandbox {
    reach: Reach,
    missing: Vec<Missing>,
}

impl Sandbox {
    /// Gives up everything beyond `reach` for this thread and those that it starts from now on.
    ///
    /// # Errors
    /// What this system could not do, unless the configuration accepts that.
    pub(crate) fn enter(reach: Reach, accepted: MissingParts) -> Result<Self, Said> {
        let mut missing = rights::give_up(&reach);
        missing.extend(files::give_up(&reach));
        // The last one: the others need calls that are gone then.
        missing.extend(calls::give_up());
        let sandbox = Self { reach, missing };
        match (sandbox.missing.is_empty(), accepted) {
            (true, _) => {}
            (false, MissingParts::Refused) => return Err(sandbox.refused()),
            (false, MissingParts::IKnowThatThisProcessCanDoMore) => {
                for Missing { part, why } in &sandbox.missing {
                    tracing::warn!(part = part.name(), why, "the process could not be freed from this");
                }
            }
        }
        Ok(sandbox)
    }

    fn refused(&self) -> Said {
        let mut said = Text::new(
            "this system cannot lock the gateway in as it should be: ",
            "このシステムでは、ゲートウェイを必要なとおりに隔離できません：",
        );
        for (n, Missing { part, why }) in self.missing.iter().enumerate() {
            let (before, name) = (if n == 0 { "" } else { "; " }, part.name());
            said = said
                .and(&text!("{before}{name} (needs ", "{before}{name}（必要なもの："))
                .and(&part.needs())
                .and(&text!("; {why})", "。{why}）"));
        }
        Said(said.and(&Text::new(
            ". Use a system that can, or write missing_parts = \"i-know-that-this-process-can-do-more\" under [sandbox]",
            "。対応するシステムを使うか、[sandbox]にmissing_parts = \"i-know-that-this-process-can-do-more\"と書いてください",
        )))
    }

    /// What a new configuration needs and this process has given up: it takes a restart.
    pub(crate) fn outside(&self, needed: &Reach) -> Vec<Text> {
        needed.beyond(&self.reach)
    }

    /// Shows on the metrics what was given up.
    ///
    /// # Errors
    /// When the metric is there already.
    pub(crate) fn show(&self, registry: &Registry) -> prometheus::Result<()> {
        let help = "1 for each part of the sandbox that the process is in, 0 for one that this system could not provide.";
        let gauge = IntGaugeVec::new(Opts::new("sekisho_sandbox", help), &["part"])?;
        for part in Part::ALL {
            let given_up = !self.missing.iter().any(|missing| missing.part == part);
            gauge.with_label_values(&[part.name()]).set(i64::from(given_up));
        }
        registry.register(Box::new(gauge))
    }
}

#[cfg(test)]
mod tests;
