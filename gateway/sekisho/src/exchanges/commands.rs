//! `sekisho log`: verify, export, key.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use sekisho_exchanges::{
    Choice, Export, ExportForm, Finding, Head, KeyError, PublicKey, Report, SigningKey, Verifier, file_name,
    moment, verify_folder,
};

use crate::config::effective::exchanges::said as log_key;
use crate::config::words;
use crate::language::{Language, Said, Text, text};

/// Something is altered, missing or out of order.
const BROKEN: u8 = 1;
/// A signature does not hold.
const FORGED: u8 = 2;
/// A file cannot be read.
const UNREADABLE: u8 = 3;

#[derive(Debug, Subcommand)]
pub(crate) enum LogCommand {
    /// Find the first line of an exchange log that was altered, is missing or out of order.
    ///
    /// Lines are chained by SHA-256 and signed by checkpoints. Without --public-key any key will do: then whoever can write the
    /// folder can have made the log anew. Files that were put away may be missing at the beginning. That the newest lines were
    /// taken away shows by --head, which final receipts carry as `logHead`, and by --closed.
    ///
    /// Exit codes: 0 nothing is wrong, 1 altered, missing or out of order, 2 a signature does not hold, 3 a file cannot be
    /// read, 4 what is found cannot be written, 64 wrong use of the command.
    Verify(VerifyArgs),
    /// Print lines of an exchange log for an auditor, held against chain and signatures on the way.
    ///
    /// Exit codes: as those of `verify`; what was printed up to the first thing that is wrong is as it was written.
    Export(ExportArgs),
    /// Print the public key of the key that checkpoints are signed with, in PEM.
    ///
    /// Exit codes: 0 printed, 4 the file cannot be read, others can read it, or it holds no key, 64 wrong use of the command.
    Key(KeyArgs),
}

#[derive(Debug, Args)]
pub(crate) struct TrustedArgs {
    /// PEM file with a public key, as `sekisho log key` prints it; may be given several times, for a key that was changed.
    #[arg(long, value_name = "FILE")]
    public_key: Vec<PathBuf>,
    /// A head that must be in the log, as `logHead` in a final receipt; may be given several times.
    #[arg(long, value_name = "LINE:HASH")]
    head: Vec<Head>,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The log's folder: `exchanges` in the state folder, unless the configuration says otherwise.
    folder: PathBuf,
    #[command(flatten)]
    trusted: TrustedArgs,
    /// The gateway was stopped: the log must end with its last line.
    #[arg(long)]
    closed: bool,
}

/// How lines are exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormArg {
    /// RFC 4180, with a head.
    Csv,
    /// As they stand in the log.
    Ndjson,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The log's folder.
    folder: PathBuf,
    #[command(flatten)]
    trusted: TrustedArgs,
    /// How lines are printed.
    #[arg(long, value_enum, default_value = "csv")]
    form: FormArg,
    /// Only those that began at this time or later (UTC), such as 2026-11-22 or 2026-11-22T09:00.
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<u64>,
    /// Only those that began before this time.
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<u64>,
    /// Only this client's.
    #[arg(long)]
    client: Option<String>,
    /// Only this route's.
    #[arg(long)]
    route: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    /// The key's file: `log.key` in the state folder, unless the configuration says otherwise.
    file: PathBuf,
}

fn time(text: &str) -> Result<u64, &'static str> {
    moment(text).ok_or("a time is like 2026-11-22, 2026-11-22T09:00 or 2026-11-22T09:00:00Z; always UTC")
}

pub(crate) fn run(command: &LogCommand, language: Language) -> anyhow::Result<ExitCode> {
    match command {
        LogCommand::Verify(args) => verify(args, language),
        LogCommand::Export(args) => export(args, language),
        LogCommand::Key(args) => key(args),
    }
}

fn verifier(trusted: &TrustedArgs) -> Result<Verifier, Said> {
    let read = |file: &PathBuf| PublicKey::read(file).map_err(|error| unusable(&error));
    let keys: Result<Vec<_>, _> = trusted.public_key.iter().map(read).collect();
    Ok(Verifier::new(keys?, trusted.head.clone()))
}

fn unusable(error: &KeyError) -> Said {
    Said(log_key(error))
}

fn verify(args: &VerifyArgs, language: Language) -> anyhow::Result<ExitCode> {
    let verifier = verifier(&args.trusted)?;
    let mut out = io::stdout();
    match verify_folder(&args.folder, verifier, args.closed, |_| Ok(())) {
        Err(error) => Ok(unreadable(&args.folder, &error, language)),
        Ok(Err(finding)) => {
            writeln!(out, "{}", located(&args.folder, &finding).in_language(language))?;
            Ok(code_of(&finding))
        }
        Ok(Ok(report)) => {
            let trusted = !args.trusted.public_key.is_empty();
            for line in told(&args.folder, &report, trusted) {
                writeln!(out, "{}", line.in_language(language))?;
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn export(args: &ExportArgs, language: Language) -> anyhow::Result<ExitCode> {
    let verifier = verifier(&args.trusted)?;
    let choice =
        Choice { from: args.from, until: args.until, client: args.client.clone(), route: args.route.clone() };
    let form = match args.form {
        FormArg::Csv => ExportForm::Csv,
        FormArg::Ndjson => ExportForm::Ndjson,
    };
    let mut export = Export::begin(choice, form, BufWriter::new(io::stdout().lock()))?;
    let mut unwritten = None;
    let read = verify_folder(&args.folder, verifier, false, |line| {
        export.line(line).map_err(|error| {
            unwritten = Some(error);
            io::ErrorKind::Other.into()
        })
    });
    if let Some(error) = unwritten {
        // Who has seen enough closes the pipe.
        return if error.kind() == io::ErrorKind::BrokenPipe {
            Ok(ExitCode::SUCCESS)
        } else {
            Err(error.into())
        };
    }
    let written = export.end()?;
    match read {
        Err(error) => Ok(unreadable(&args.folder, &error, language)),
        Ok(Err(finding)) => {
            complain(&located(&args.folder, &finding), language);
            Ok(code_of(&finding))
        }
        Ok(Ok(_)) => {
            complain(&text!("lines: {written}", "行数：{written}"), language);
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn key(args: &KeyArgs) -> anyhow::Result<ExitCode> {
    let key = SigningKey::read(&args.file).map_err(|error| unusable(&error))?;
    write!(io::stdout(), "{}", key.public().pem())?;
    Ok(ExitCode::SUCCESS)
}

/// On the standard error output: the standard output is for lines.
fn complain(text: &Text, language: Language) {
    let _ = writeln!(io::stderr(), "sekisho: {}", text.in_language(language));
}

fn unreadable(folder: &Path, error: &io::Error, language: Language) -> ExitCode {
    let shown = words::on_a_line(folder);
    let text = match error.kind() {
        io::ErrorKind::NotFound => {
            text!("{shown} holds no file of an exchange log", "{shown} に交換記録のファイルがありません")
        }
        _ => words::file(folder, error),
    };
    complain(&text, language);
    ExitCode::from(UNREADABLE)
}

fn code_of(finding: &Finding) -> ExitCode {
    ExitCode::from(if finding.found.is_signature() { FORGED } else { BROKEN })
}

/// `file:line: code: what is wrong`.
fn located(folder: &Path, finding: &Finding) -> Text {
    let file = words::on_a_line(&folder.join(file_name(finding.file)));
    let place = if finding.place == 0 { String::new() } else { format!(":{}", finding.place) };
    let (code, en, ja) = (finding.found.code(), finding.found, finding.found.japanese());
    text!("{file}{place}: {code}: {en}", "{file}{place}: {code}: {ja}")
}

/// What there is to say of a log in which nothing is wrong.
fn told(folder: &Path, report: &Report, trusted: bool) -> Vec<Text> {
    let folder = words::on_a_line(folder);
    let Report { files, exchanges, signed, unsigned, cuts, lost, torn, .. } = report;
    let first = report.first.unwrap_or_default();
    let head = report.head.map(|head| head.to_string()).unwrap_or_default();
    let mut said = vec![
        text!(
            "{folder}: nothing is altered, missing or out of order; files: {files}, exchanges and calls: {exchanges}",
            "{folder}：書換え、欠落、順序の入替えはありません。ファイル：{files}、交換と呼出し：{exchanges}"
        ),
        text!("first line: {first}; head: {head}", "最初の行：{first}、先頭値：{head}"),
    ];
    if first > 1 {
        said.push(text!(
            "what came before line {first} is not here, and was not looked at",
            "{first}番より前の行はここになく、確認していません"
        ));
    }
    let keys: Vec<String> = report.keys.iter().map(ToString::to_string).collect();
    let keys = keys.join(", ");
    said.push(match trusted {
        true => text!("signed lines: {signed}, by the keys that were given", "署名のある行：{signed}（指定された鍵）"),
        false => text!(
            "signed lines: {signed}, by keys that the log itself names ({keys}): give --public-key to hold them against yours",
            "署名のある行：{signed}（ログ自身が示す鍵 {keys}）。手元の公開鍵で確認するには--public-keyを指定してください"
        ),
    });
    if *unsigned > 0 {
        said.push(text!("lines behind the last signature: {unsigned}", "最後の署名より後の行：{unsigned}"));
    }
    if *cuts > 0 {
        said.push(text!(
            "times that the log went on behind a file that was not closed: {cuts}",
            "閉じられなかったファイルの後に続けた回数：{cuts}"
        ));
    }
    if *lost > 0 {
        said.push(text!(
            "exchanges that are not on record, as the log says: {lost}",
            "記録できなかった交換（ログに記載）：{lost}"
        ));
    }
    if !report.closed {
        said.push(match torn {
            0 => text!(
                "the last file is not closed: the gateway is running, or was killed",
                "最後のファイルは閉じられていません（稼働中、または強制終了）"
            ),
            torn => text!(
                "the last file is not closed, and its last {torn} bytes are no whole line: the gateway is running, or was killed",
                "最後のファイルは閉じられておらず、末尾の{torn}バイトは行になっていません（稼働中、または強制終了）"
            ),
        });
    }
    said
}
