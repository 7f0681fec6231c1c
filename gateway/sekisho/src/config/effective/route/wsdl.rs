//! A dialect whose operation a WSDL describes.

use std::io::Read;
use std::path::Path;

use sekisho_delivery::{DialectSpec, ImportFault, WsdlDocuments, WsdlError};

use super::Notes;
use crate::config::effective::EffectiveUpstream;
use crate::config::words;
use crate::language::{Language, Text};

/// The largest document that is read, in bytes: more than all of them may have together.
const MOST_BYTES: u64 = 9 * 1024 * 1024;

/// The dialect with what its WSDL says of the operation, if it names one. `columns` are those of a mapping without mistakes.
pub(super) fn described(
    dialect: &DialectSpec,
    upstream: Option<&EffectiveUpstream>,
    columns: Option<&[String]>,
    notes: &mut Notes<'_>,
) -> Option<DialectSpec> {
    let DialectSpec::Soap(spec) = dialect else { return Some(dialect.clone()) };
    let Some(file) = &spec.wsdl else { return Some(dialect.clone()) };
    let file = notes.mistakes.folder().join(file);
    let wsdl = match std::fs::read(&file) {
        Ok(wsdl) => wsdl,
        Err(error) => {
            notes.add("dialect.wsdl", words::file(&file, &error));
            return None;
        }
    };
    let documents = documents(&file, &wsdl);
    let url = upstream.map_or("", |upstream| upstream.upstream.endpoint().url());
    match documents.and_then(|documents| spec.described(&documents, url, columns)) {
        Ok(spec) => Some(DialectSpec::Soap(spec)),
        Err(error) => {
            notes.add(error.key(), told(&error));
            None
        }
    }
}

/// The WSDL that a file holds, with what it imports from its own folder.
pub(crate) fn documents(file: &Path, wsdl: &[u8]) -> Result<WsdlDocuments, WsdlError> {
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    WsdlDocuments::gather(&name, wsdl, &mut |path| beside(folder, path))
}

/// A file in the WSDL's folder or below it, by its path from there; one that a link leads out of it is none of them.
fn beside(folder: &Path, path: &str) -> Result<Vec<u8>, ImportFault> {
    let unreadable = |error: std::io::Error| {
        ImportFault::Unreadable(words::reason(&error).in_language(Language::English).to_owned())
    };
    let folder = folder.canonicalize().map_err(unreadable)?;
    let file = folder.join(path).canonicalize().map_err(unreadable)?;
    if !file.starts_with(&folder) {
        return Err(ImportFault::Outside);
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(file).map_err(unreadable)?;
    file.take(MOST_BYTES).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

pub(crate) fn told(error: &WsdlError) -> Text {
    let japanese = match error {
        WsdlError::Unreadable { at: Some((line, column)), .. } => {
            format!("WSDLを読み取れません（{line}行{column}桁）")
        }
        WsdlError::Unreadable { at: None, .. } => "WSDLを読み取れません".to_owned(),
        WsdlError::Import { document, location, fault } => {
            let why = match fault {
                ImportFault::Url => {
                    "アドレスです。何も取得しないので、ファイルをWSDLと同じフォルダーに置き、相対パスを書いてください"
                }
                ImportFault::Outside => "WSDLのフォルダーの外にあります",
                ImportFault::Cycle => "参照が循環しています。共通の部分を別のファイルに分けてください",
                ImportFault::Unreadable(_) => "読み取れません",
                ImportFault::Namespace(_) => "求められた名前空間のWSDLまたはスキーマではありません",
                ImportFault::Redefined => "redefineには対応していません。型を書き下してください",
                ImportFault::TooMuch => "文書の数または合計の大きさが上限を超えています",
            };
            format!("{document} が参照する「{location}」：{why}")
        }
        WsdlError::Pin { pinned, found } => format!(
            "WSDLの文書のダイジェストは {found} ですが、{pinned} に固定されています。変更が意図したものなら、新しい値を書いてください"
        ),
        WsdlError::Missing { kind, name } => {
            format!(
                "WSDLにも、それが参照するファイルにも、{kind}の{name}がありません。外部の文書は取得しません"
            )
        }
        WsdlError::Operation { name, version, known } => {
            format!("HTTP上のSOAP {version}の操作「{name}」がWSDLにありません（あるもの：{known}）")
        }
        WsdlError::Unspoken { name, .. } => {
            format!(
                "WSDLの操作「{name}」は扱えません。document/literalで、本文のパートが1つの操作だけを扱います"
            )
        }
        WsdlError::Differs { written, described, .. } => {
            format!(
                "「{written}」とありますが、WSDLでは「{described}」です。省くか、どちらかを直してください"
            )
        }
        WsdlError::Record { operation, .. } => {
            format!(
                "WSDLの要素「{operation}」の中で繰り返される要素が1つではありません。行になる要素の名前を書いてください"
            )
        }
        WsdlError::Column { column, record, .. } => {
            format!("列「{column}」が、WSDLの要素「{record}」の定義（要素、順序、必須）に合いません")
        }
        WsdlError::Path { step, .. } => format!("WSDLのその場所に「{step}」の定義がありません"),
    };
    Text::new(error.to_string(), japanese)
}
