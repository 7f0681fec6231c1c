//! A dialect whose operation a WSDL describes.

use sekisho_delivery::{DialectSpec, WsdlError};

use super::Notes;
use crate::config::effective::EffectiveUpstream;
use crate::config::words;
use crate::language::Text;

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
    let url = upstream.map_or("", |upstream| upstream.upstream.endpoint().url());
    match spec.described(&wsdl, url, columns) {
        Ok(spec) => Some(DialectSpec::Soap(spec)),
        Err(error) => {
            notes.add(error.key(), told(&error));
            None
        }
    }
}

fn told(error: &WsdlError) -> Text {
    let japanese = match error {
        WsdlError::Unreadable { at: Some((line, column)), .. } => {
            format!("WSDLを読み取れません（{line}行{column}桁）")
        }
        WsdlError::Unreadable { at: None, .. } => "WSDLを読み取れません".to_owned(),
        WsdlError::Missing { kind, name } => {
            format!(
                "WSDLに{kind}の{name}がありません。外部の文書は取得しないので、1つのファイルにまとめてください"
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
        WsdlError::Path { step, .. } => format!("WSDLの応答に「{step}」がありません"),
    };
    Text::new(error.to_string(), japanese)
}
