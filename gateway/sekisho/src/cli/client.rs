//! What clients say: of files that are sent, and of questions about hops.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// How a file is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DoorArg {
    /// SOAP with the file attached.
    Swa,
    /// SOAP with the records of an XML file in the body.
    SoapXml,
    /// SOAP with the file as base64 in the body.
    SoapBase64,
    /// REST, CSV.
    RestCsv,
    /// REST, a JSON array.
    RestJson,
    /// REST, newline-delimited JSON.
    RestNdjson,
    /// REST, XML.
    RestXml,
}

#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    /// The file.
    pub(crate) file: PathBuf,
    /// Address of the route, such as http://gateway:8080/attributes.
    #[arg(long, value_name = "URL")]
    pub(crate) to: String,
    /// How it is sent.
    #[arg(long, value_enum, default_value = "swa")]
    pub(crate) door: DoorArg,
    /// Media type of the file, by whichever door. Without it, a door that is named after a format (rest-json) sends that format;
    /// the others go by the file's ending (.json, .ndjson, .jsonl, .xml), and send any other as CSV in UTF-8.
    #[arg(long, value_name = "TYPE")]
    pub(crate) content_type: Option<String>,
    /// The client's own reference for the batch (SOAP).
    #[arg(long)]
    pub(crate) reference: Option<String>,
    /// Idempotency key; one is made where absent. The same key sends the same batch once.
    #[arg(long)]
    pub(crate) key: Option<String>,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    /// Longest wait for the final receipt, in seconds; 0 does not wait.
    #[arg(long, value_name = "SECONDS", default_value_t = 3_600)]
    pub(crate) wait: u64,
    /// Print the receipt as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Show no progress.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// By what gateway and client know each other.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct TrustArgs {
    /// PEM file with the roots that the gateway's certificate may end in (https).
    #[arg(long, value_name = "FILE")]
    pub(crate) roots: Vec<PathBuf>,
    /// PEM file with the certificate to show, where the gateway asks for one.
    #[arg(long, value_name = "FILE", requires = "certificate_key")]
    pub(crate) certificate: Option<PathBuf>,
    /// PEM file with the private key of --certificate.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub(crate) certificate_key: Option<PathBuf>,
    /// File with the token to show, where the gateway knows the client by one.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

/// How a heartbeat is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum HeartbeatForm {
    /// A table.
    Table,
    /// JSON.
    Json,
    /// One line, as monitoring plugins print it.
    Nagios,
}

#[derive(Debug, Args)]
pub(crate) struct HeartbeatArgs {
    /// Address of a route, such as http://gateway:8080/attributes, or of the admin listener. Where no --token-file is given, the
    /// file that SEKISHO_HEARTBEAT_TOKEN_FILE names is used: for health checks whose words are fixed.
    pub(crate) url: String,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    /// Judge by this hop only, such as `gateway`; may be given several times.
    #[arg(long, value_name = "NAME")]
    pub(crate) hop: Vec<String>,
    /// Ask by SOAP instead of REST.
    #[arg(long)]
    pub(crate) soap: bool,
    /// How it is printed.
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) form: HeartbeatForm,
    /// Longest wait for the answer, in seconds.
    #[arg(long, default_value_t = 10)]
    pub(crate) timeout: u64,
}
