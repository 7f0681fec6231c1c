//! What was found, as text, JSON or SARIF.

use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};

use super::finding::{End, Finding, Told, Verdict};
use super::sarif::Log;
use super::{INVALID, UNREADABLE, complain};
use crate::cli::OutputArg;
use crate::config::words;
use crate::language::{Language, Text, text};

pub(super) struct Report<W> {
    form: Form,
    language: Language,
    out: W,
    /// Of the file that is being told.
    told: u64,
}

enum Form {
    Text,
    Json,
    Sarif(Log),
}

impl<W: Write> Report<W> {
    pub(super) fn new(output: OutputArg, language: Language, out: W) -> Self {
        let form = match output {
            OutputArg::Text => Form::Text,
            OutputArg::Json => Form::Json,
            OutputArg::Sarif => Form::Sarif(Log::new(language)),
        };
        Report { form, language, out, told: 0 }
    }

    pub(super) fn begin(&mut self) -> anyhow::Result<()> {
        if let Form::Sarif(log) = &mut self.form {
            log.begin(&mut self.out)?;
        }
        Ok(())
    }

    /// Tells what was found in a file; with the end of it comes its exit code.
    pub(super) fn take(&mut self, file: &Path, told: Told) -> anyhow::Result<Option<u8>> {
        match told {
            Told::Finding(finding) => {
                self.told += 1;
                self.finding(file, &finding)?;
                Ok(None)
            }
            Told::End(end) => {
                self.end(file, &end)?;
                self.told = 0;
                Ok(Some(match end.verdict {
                    Verdict::Valid => 0,
                    Verdict::Invalid => INVALID,
                    Verdict::Unreadable(_) => UNREADABLE,
                }))
            }
        }
    }

    fn finding(&mut self, file: &Path, finding: &Finding) -> anyhow::Result<()> {
        match &mut self.form {
            Form::Text => {
                let (line, column) = finding.place.unwrap_or((0, 0));
                let (file, code) = (words::on_a_line(file), finding.code);
                let said = finding.message.in_language(self.language);
                writeln!(self.out, "{file}:{line}:{column}: {code}: {said}")?;
            }
            Form::Json => {
                let mut object = properties(finding);
                object["type"] = "violation".into();
                object["file"] = file.to_string_lossy().into();
                object["line"] = finding.place.map(|place| place.0).into();
                object["column"] = finding.place.map(|place| place.1).into();
                object["byte"] = finding.byte.into();
                object["code"] = finding.code.into();
                object["message"] = finding.message.in_language(Language::English).into();
                object["message_ja"] = finding.message.in_language(Language::Japanese).into();
                writeln!(self.out, "{object}")?;
            }
            Form::Sarif(log) => log.result(&mut self.out, file, finding)?,
        }
        Ok(())
    }

    fn end(&mut self, file: &Path, end: &End) -> anyhow::Result<()> {
        let why = match &end.verdict {
            Verdict::Unreadable(why) => Some(why),
            Verdict::Valid | Verdict::Invalid => None,
        };
        match &mut self.form {
            Form::Text => {
                if end.violations > self.told {
                    let (file, told, all) = (words::on_a_line(file), self.told, end.violations);
                    let more = match end.complete {
                        true => text!(
                            "{file}: {told} of {all} violations told",
                            "{file}: 違反{all}件のうち{told}件を表示しました"
                        ),
                        false => text!(
                            "{file}: {told} of at least {all} violations told",
                            "{file}: 違反{all}件以上のうち{told}件を表示しました"
                        ),
                    };
                    writeln!(self.out, "{}", more.in_language(self.language))?;
                }
                if let Some(why) = why {
                    // In the order of the files there, too.
                    self.out.flush()?;
                    complain(why, self.language)?;
                }
            }
            Form::Json => {
                let object = json!({
                    "type": "file",
                    "file": file.to_string_lossy(),
                    "verdict": end.verdict.name(),
                    "violations": end.violations,
                    "told": self.told,
                    "complete": end.complete,
                    "message": why.map(|why| why.in_language(Language::English)),
                    "message_ja": why.map(|why| why.in_language(Language::Japanese)),
                });
                writeln!(self.out, "{object}")?;
            }
            Form::Sarif(log) => log.file(file, end, self.told),
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> anyhow::Result<()> {
        if let Form::Sarif(log) = self.form {
            log.finish(&mut self.out)?;
        }
        self.out.flush()?;
        Ok(())
    }
}

/// What JSON and SARIF say alike of a finding.
pub(super) fn properties(finding: &Finding) -> Value {
    json!({
        "record": finding.record,
        "field": finding.field,
        "path": finding.path,
        "expected": finding.expected.as_ref().map(both),
        "found": finding.found.as_ref().map(both),
    })
}

fn both(text: &Text) -> Value {
    json!({ "en": text.in_language(Language::English), "ja": text.in_language(Language::Japanese) })
}
