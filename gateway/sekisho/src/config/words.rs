//! What other rooms find wrong with a configuration, in the words of those who write it, in both languages.

use std::io;
use std::path::Path;

use sekisho_records::{CsvOptionsError, LayoutError, MappingError};
use sekisho_xsd::{SchemaError, schema_text_ja};

use crate::language::{Text, text};

/// Why a file cannot be read, without the system's numbers.
pub(crate) fn reason(error: &io::Error) -> Text {
    match error.kind() {
        io::ErrorKind::NotFound => Text::new("it is not there", "ファイルがありません"),
        io::ErrorKind::PermissionDenied => {
            Text::new("this user may not read it", "このユーザーには読み取りの許可がありません")
        }
        io::ErrorKind::IsADirectory => Text::new("it is a folder", "フォルダーです"),
        io::ErrorKind::NotADirectory => {
            Text::new("a step of its path is no folder", "パスの途中がフォルダーではありません")
        }
        io::ErrorKind::InvalidData => Text::new("it is not in UTF-8", "文字コードがUTF-8ではありません"),
        _ => text!("{error}", "{error}"),
    }
}

/// A path as it can stand in a line: what would break the line or turn it around is escaped, as `\n` or `\u{202e}`.
pub(crate) fn on_a_line(path: &Path) -> String {
    let mut shown = String::new();
    for c in path.display().to_string().chars() {
        if sekisho_xsd::disturbs(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}

/// The configuration file itself.
pub(super) fn unreadable(error: &io::Error) -> Text {
    Text::new("the file cannot be read: ", "ファイルを読み取れません：").and(&reason(error))
}

/// A file that the configuration names.
pub(crate) fn file(path: &Path, error: &io::Error) -> Text {
    let path = on_a_line(path);
    text!("{path} cannot be read: ", "{path} を読み取れません：").and(&reason(error))
}

/// A schema that cannot be used.
pub(crate) fn schema(error: &SchemaError) -> Text {
    let english = error.to_string();
    match error {
        SchemaError::Read { path, source } => file(path, source),
        SchemaError::Pin { path, pinned, found } => Text::new(
            english,
            format!(
                "スキーマ {} のダイジェストは {found} ですが、{pinned} に固定されています。変更が意図したものなら、新しい値を書いてください",
                path.display()
            ),
        ),
        SchemaError::Invalid { place, rule, message_ja, .. } => {
            Text::new(english, format!("{place}：スキーマの規則 {rule} に反しています（{message_ja}）"))
        }
        SchemaError::TooLarge { place, rule, message_ja, .. } => {
            Text::new(english, format!("{place}：スキーマの上限 {rule} を超えています（{message_ja}）"))
        }
        SchemaError::Unsupported { place, construct, advice } => {
            let (rule, construct, advice) = (error.code(), schema_text_ja(construct), schema_text_ja(advice));
            Text::new(english, format!("{place}：{rule}：{construct} には対応していません（{advice}）"))
        }
        SchemaError::Record { place, name, problem } => {
            let (rule, problem) = (error.code(), schema_text_ja(problem));
            // In Japanese, too, the problem goes on with the sentence.
            Text::new(english, format!("{place}：{rule}：レコード要素 {name} {problem}"))
        }
        _ => Text::new(english.clone(), format!("スキーマを使えません（{english}）")),
    }
}

/// A record type that has no layout, or a key that is none.
pub(crate) fn layout(error: &LayoutError) -> Text {
    let japanese = match error {
        LayoutError::Empty { element } => {
            format!("{element} に項目がありません。レコードには1つ以上の項目が必要です")
        }
        LayoutError::RepeatedValue { field } => {
            format!("項目 {field} は値のまま繰り返せます。繰り返す要素で囲むか、xs:listにしてください")
        }
        LayoutError::RepeatedParticles { element } => {
            format!("{element} の中で複数要素の並びが繰り返せます。1回分ごとに要素で囲んでください")
        }
        LayoutError::SameName { element, field } => {
            format!("{element} に同じローカル名 {field} の項目が複数あり、CSVやJSONでは区別できません")
        }
        LayoutError::NillableGroup { field } => {
            format!("グループ {field} はnillableですが、CSVやJSONではnilを表せません。省略可能にしてください")
        }
        LayoutError::TooLarge { element, max, .. } => {
            format!("{element} が大きすぎるか深すぎます（上限 {max}）")
        }
        LayoutError::Key { field, .. } => {
            format!("{field} はキー項目にできません。レコード直下の、値を持つ項目名を1度ずつ書いてください")
        }
        _ => format!("レコードの型を使えません（{}）", error.code()),
    };
    Text::new(error.to_string(), japanese)
}

/// CSV options that do not fit.
pub(crate) fn csv(error: &CsvOptionsError) -> (&'static str, Text) {
    let (key, japanese) = match error {
        CsvOptionsError::Nested { field } => {
            ("formats", format!("項目 {field} はグループなので、レコードをCSVの1行にできません"))
        }
        CsvOptionsError::Delimiter => (
            "csv.delimiter",
            "区切り文字は、タブか、引用符以外の印字可能なASCII文字1つにしてください".to_owned(),
        ),
        CsvOptionsError::Nil => {
            ("csv.nil", "nilを表す文字列は空にできず、区切り文字、引用符、改行を含められません".to_owned())
        }
        CsvOptionsError::Size { which, max } => {
            let key = if which.contains("record") { "csv.max_record_bytes" } else { "csv.max_field_bytes" };
            (key, format!("1から{max}までにしてください"))
        }
        CsvOptionsError::UnknownField { name, field } => {
            ("csv.names", format!("列名「{name}」が指す {field} という項目は、レイアウトにありません"))
        }
        CsvOptionsError::NameTaken { name, field } => {
            ("csv.names", format!("列名「{name}」は {field} を指していますが、別の項目の名前です"))
        }
        error => ("csv", format!("設定を使えません（{error}）")),
    };
    (key, Text::new(error.to_string(), japanese))
}

/// A mapping that does not fit its layout.
pub(super) fn mapping(error: &MappingError) -> Text {
    let japanese = match error {
        MappingError::UnknownField { path } => format!("{path} という項目はレイアウトにありません"),
        MappingError::Kind { path, .. } => {
            format!("{path} は、ここで必要な種類（項目かグループ）ではありません")
        }
        MappingError::GroupLeft { path } => {
            format!("グループ {path} はどの行にも入りません。rowsに書くか、dropで除いてください")
        }
        MappingError::OutOfReach { path } => {
            format!("{path} は行を作らないグループの中にあり、行ごとの値が1つに決まりません")
        }
        MappingError::DuplicateColumn { column } => format!("{column} という名前の列が2つあります"),
        MappingError::NoColumns => "列が1つもありません".to_owned(),
        MappingError::Source { column } => {
            format!("列 {column} には、fieldかconstantのどちらか一方を書いてください")
        }
        MappingError::Both { key } => format!("columnsがすべてを決めるので、{key} は書けません"),
        MappingError::RenamedAndDropped { path } => format!("{path} がrenameとdropの両方にあります"),
        MappingError::NoElement { column } => format!(
            "列 {column} はXMLの要素になりますが、要素名として使えない名前です。使えるのは文字・数字と「.」「-」「_」で、先頭は文字か「_」です。\
             列の名前を変えてください"
        ),
        MappingError::Key { column } => format!("キー列 {column} は、対応付けの列にありません"),
        _ => format!("対応付けがレイアウトに合いません（{}）", error.code()),
    };
    Text::new(error.to_string(), japanese)
}
