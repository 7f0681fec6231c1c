//! What operators say: of batches, by the admin listener.

use clap::{Args, ValueEnum};
use sekisho_journal::BatchId;

use super::name;

#[derive(Debug, Args)]
pub(crate) struct AdminArgs {
    /// Address of the admin listener, as `listen` below [admin] has it.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9600", env = "SEKISHO_ADMIN")]
    pub(crate) admin: String,
    /// File with the token that the admin listener asks for (`token_files` below [admin]).
    #[arg(long, value_name = "FILE", env = "SEKISHO_ADMIN_TOKEN_FILE")]
    pub(crate) token_file: Option<std::path::PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct BatchesArgs {
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
    /// Only this client's.
    #[arg(long, value_parser = name)]
    pub(crate) client: Option<String>,
    /// Only this route's.
    #[arg(long, value_parser = name)]
    pub(crate) route: Option<String>,
    /// Only those that are not finished.
    #[arg(long)]
    pub(crate) open: bool,
    /// At most so many.
    #[arg(long, default_value_t = 20)]
    pub(crate) limit: u32,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PurgeArgs {
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
    /// Whose.
    #[arg(long, value_parser = name)]
    pub(crate) client: String,
    /// Also batches that are not finished: what of them is pending is cancelled, what is in doubt cannot be sent again.
    #[arg(long)]
    pub(crate) also_unfinished: bool,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(args_override_self = true)] // saying it twice means the same
pub(crate) struct BatchArgs {
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
    /// The batch's id, as `sekisho batches` shows it.
    #[arg(value_parser = batch_id)]
    pub(crate) id: BatchId,
    /// Print the records that were not delivered, as CSV.
    #[arg(long, conflicts_with_all = ["cancel", "chunks"])]
    pub(crate) errors: bool,
    /// Print the history of chunks.
    #[arg(long, conflicts_with = "cancel")]
    pub(crate) chunks: bool,
    /// Withdraw what has not been sent.
    #[arg(long)]
    pub(crate) cancel: bool,
    /// Decide on this chunk, whose outcome is in doubt (see --chunks); with --decide.
    #[arg(long, value_name = "NUMBER", requires = "decide", conflicts_with_all = ["errors", "chunks", "cancel"])]
    pub(crate) chunk: Option<u64>,
    /// What became of the chunk's records.
    #[arg(long, value_enum, requires = "chunk")]
    pub(crate) decide: Option<DecisionArg>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What became of a chunk that is in doubt, as an operator has found out from the cloud's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DecisionArg {
    /// Its records are there: count them as delivered.
    Delivered,
    /// Its records are not there: send them as new ones.
    NotDelivered,
    /// Send it again, whatever it does to records that are there already.
    Repeat,
}

impl DecisionArg {
    /// Its name on the admin listener.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::NotDelivered => "not-delivered",
            Self::Repeat => "repeat",
        }
    }
}

fn batch_id(text: &str) -> Result<BatchId, &'static str> {
    text.parse().map_err(
        |_| "a batch's id is like 0197c0f2-6f3e-7c33-9d0a-3b1f6f0e8a55; `sekisho batches` lists them",
    )
}
