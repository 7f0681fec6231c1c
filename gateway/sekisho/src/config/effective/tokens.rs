//! Bearer tokens from files: those of clients and those of operators, no two of which are the same.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use sekisho_edge::Token;

use crate::config::key_path::KeyPath;
use crate::config::mistake::Mistakes;
use crate::config::words;
use crate::language::text;

/// All that were read, with the client of each; the admin listener's have none.
#[derive(Default)]
pub(super) struct Tokens(Vec<(Option<String>, Token)>);

impl Tokens {
    /// The tokens in these files, a token each, which only their owner may read.
    pub(super) fn read(
        &mut self,
        files: &[PathBuf],
        client: Option<&str>,
        path: &KeyPath,
        folder: &Path,
        mistakes: &mut Mistakes,
    ) -> Vec<Token> {
        let mut tokens = Vec::new();
        for (item, file) in files.iter().enumerate() {
            let (path, file) = (path.item(item), folder.join(file));
            let Some(token) = token(&path, &file, mistakes) else { continue };
            let shown = words::on_a_line(&file);
            match self.0.iter().find(|(_, other)| other.is(&token)).map(|(whose, _)| whose) {
                Some(Some(other)) => mistakes.add(
                    &path,
                    text!(
                        "{shown}: is a token of client {other:?} already",
                        "{shown}：client {other:?} のトークンと同じです"
                    ),
                ),
                Some(None) => mistakes.add(
                    &path,
                    text!(
                        "{shown}: is a token of the admin listener already",
                        "{shown}：管理用リスナーのトークンと同じです"
                    ),
                ),
                None => self.0.push((client.map(str::to_owned), token.clone())),
            }
            tokens.push(token);
        }
        tokens
    }
}

fn token(path: &KeyPath, file: &Path, mistakes: &mut Mistakes) -> Option<Token> {
    let shown = words::on_a_line(file);
    let read = std::fs::metadata(file).and_then(|found| {
        let text = std::fs::read_to_string(file)?;
        Ok((found.permissions().mode() & 0o777, text))
    });
    let (mode, text) = match read {
        Ok(read) => read,
        Err(error) => {
            mistakes.add(path, words::file(file, &error));
            return None;
        }
    };
    if mode & 0o007 != 0 {
        mistakes.add(
            path,
            text!(
                "{shown}: everybody on this machine may read or change it (mode {mode:03o}): take the rights of others \
                 away (chmod o=)",
                "{shown}：このマシンの誰でも読み書きできます（モード{mode:03o}）。他人の権限を外してください（chmod o=）"
            ),
        );
        return None;
    }
    let token = Token::parse(text.trim());
    if token.is_none() {
        let (least, most) = (Token::LEAST, Token::MOST);
        mistakes.add(
            path,
            text!(
                "{shown}: must hold one token, of {least} to {most} letters, digits and -._~+/ (such as `openssl rand -hex 32` \
                 prints)",
                "{shown}：トークンを1つ、{least}文字から{most}文字の英数字と-._~+/で書いてください（openssl rand -hex 32など）"
            ),
        );
    }
    token
}
