//! What is wrong with schemas, in Japanese: this crate's own words; the compiler's stay as they are.

/// English with `{}` for what comes from the schema, and the same in Japanese.
const PHRASES: &[(&str, &str)] = &[
    // What to do.
    ("write the schema in XSD 1.0", "XSD 1.0で書いてください"),
    ("leave it out: nothing that it declares would hold", "取り除いてください。その中の宣言は効きません"),
    ("name an element that has elements inside", "要素を含む要素を指定してください"),
    ("list the elements in a choice", "要素をchoiceに列挙してください"),
    ("refer to an element that can occur", "出現できる要素を参照してください"),
    ("put the constraint on an element above the records", "制約はレコードより上の要素に書いてください"),
    (
        "its values depend on more than their text: take xs:NCName, or another type",
        "値が文字だけでは決まりません。xs:NCNameなど別の型にしてください",
    ),
    (
        "records have a fixed depth: write the levels out",
        "レコードの深さは固定です。各段を書き下してください",
    ),
    ("refer to the derived type that occurs", "実際に出現する派生型を参照してください"),
    ("put the text into an element", "文字は要素の中に入れてください"),
    ("write it once, with maxOccurs, or under two names", "maxOccursで一度だけ書くか、名前を分けてください"),
    ("name the elements that may occur", "出現できる要素を列挙してください"),
    ("mend the reference", "参照を直してください"),
    (
        "make it an element: CSV and JSON have no attributes",
        "要素にしてください。CSVとJSONには属性がありません",
    ),
    ("define a simple type with these facets", "同じ制限を持つ単純型を定義してください"),
    ("give it a type", "型を指定してください"),
    (
        "let the selector name the record and each field one of its child elements",
        "selectorにはレコードを、fieldにはその子要素を書いてください",
    ),
    // What it is about.
    ("xs:{} (XSD 1.1)", "xs:{}（XSD 1.1）"),
    ("the type xs:{} (XSD 1.1)", "型 xs:{}（XSD 1.1）"),
    ("a document type declaration", "文書型宣言"),
    ("XML 1.1", "XML 1.1の文書"),
    ("write the document in XML 1.0", "XML 1.0で書いてください"),
    ("several names in substitutionGroup (XSD 1.1)", "複数の名前を持つsubstitutionGroup（XSD 1.1）"),
    (
        "the form of an element is neither qualified nor unqualified: write one of them",
        "要素のformがqualifiedでもunqualifiedでもありません。どちらかにしてください",
    ),
    (
        "substitutionGroup names no element: name one, or leave it out",
        "substitutionGroupに要素の名前がありません。名前を書くか、取り除いてください",
    ),
    ("the attribute {} (XSD 1.1)", "属性 {}（XSD 1.1）"),
    ("vc:{} (conditional inclusion)", "vc:{}（条件による取捨）"),
    ("a record with a simple type", "単純型のレコード"),
    ("the substitution group of element {}", "要素 {} の代替グループ"),
    ("the abstract element {}", "抽象要素 {}"),
    (
        "a key, keyref or unique on element {} in the record",
        "レコード内の要素 {} に付いたkey、keyref、unique",
    ),
    ("the type {} of element {}", "要素の型 {}（要素 {}）"),
    ("the type of element {}, which contains itself,", "自分自身を含む、要素 {} の型"),
    ("the abstract type of element {}", "要素 {} の抽象型"),
    ("mixed content in element {}", "要素 {} の混合内容"),
    ("the element {} in more than one place of element {}", "要素が複数の場所にあること（{}、要素 {} の中）"),
    ("an attribute of element {}", "要素 {} の属性"),
    ("simple content by restriction in element {}", "要素 {} の、制限による単純内容"),
    ("element {} of type xs:anyType", "xs:anyType型の要素 {}"),
    ("a selector that cannot be read (constraint {})", "読み取れないselector（制約 {}）"),
    ("a selector that reaches into the record (constraint {})", "レコードの中に及ぶselector（制約 {}）"),
    ("xs:keyref on records (constraint {})", "レコードに対するxs:keyref（制約 {}）"),
    (
        "a field that is not a child element of the record (constraint {})",
        "レコードの子要素ではないfield（制約 {}）",
    ),
    (
        "a field that is not a single simple element of the record (constraint {})",
        "レコードの単一の単純な要素ではないfield（制約 {}）",
    ),
    // What is wrong.
    ("has no declaration of its own", "に対応する宣言がありません"),
    ("is not declared in the schema", "がスキーマで宣言されていません"),
    (
        "is declared more than once with different types, here and at {}: use different names",
        "が異なる型で複数宣言されています（ここと {}）。名前を分けてください",
    ),
    (
        "lies in a schema with more than 100,000 ways to elements: name it globally, or simplify the schema",
        "を含むスキーマには要素に至る経路が100,000より多くあります。大域宣言にするか、スキーマを簡単にしてください",
    ),
    (
        "lies below several elements with different keys: use one of them",
        "が、キーの異なる複数の要素の下にあります。どれか一つにしてください",
    ),
    ("the document {} cannot be had: {}", "文書 {} を使えません: {}"),
    (
        "it is on a network, and schemas come from disk only",
        "ネットワーク上にあります。スキーマはディスクからだけ読み取ります",
    ),
    ("it lies outside the folder of the schema", "スキーマのフォルダーの外にあります"),
    (
        "a schema has at most {} documents: put several into one",
        "スキーマの文書は{}個までです。いくつかを一つにまとめてください",
    ),
    (
        "a schema document has at most {} bytes, and here it has one more: make several of it that include one another",
        "スキーマの文書は{}バイトまでで、ここで超えています。互いに取り込む複数の文書に分けてください",
    ),
    ("no such document", "そのような文書はありません"),
    ("there is no such file", "ファイルがありません"),
    ("it may not be read", "読み取る権限がありません"),
    ("it is a folder", "フォルダーです"),
    ("cannot be had: {}", "を調べられません: {}"),
    (
        "the content model has more than {} steps from one element to the next: write it with fewer alternatives",
        "内容モデルで、ある要素から次の要素への進み方が{}を超えています。選択肢を減らしてください",
    ),
    (
        "the content model is open in more than {} ways: write it with fewer repetitions inside one another",
        "内容モデルの解釈が{}通りを超えています。入れ子の繰り返しを減らしてください",
    ),
    (
        "references bring more than {} particles and attributes into the definition {}: refer to fewer groups, or less often",
        "参照をたどると、要素や属性が{}個より多く定義に入ります（{}）。参照するグループか参照の回数を減らしてください",
    ),
    (
        "references bring more than {} particles and attributes into this type: refer to fewer groups, or less often",
        "参照をたどると、要素や属性が{}個より多くこの型に入ります。参照するグループか参照の回数を減らしてください",
    ),
    (
        "with this definition, references bring more than {} particles and attributes into all together: refer to fewer groups, or less often",
        "参照をたどると、要素や属性がこの定義までの合計で{}個を超えます。参照するグループか参照の回数を減らしてください",
    ),
    (
        "the type {} is defined by itself ({}): let it come from another type",
        "型 {} が自分自身によって定義されています（{}）。別の型から派生させてください",
    ),
    (
        "a restriction names its base type, or has it inside: give it a base",
        "xs:restrictionには基底型が必要です。baseで指定するか、中に書いてください",
    ),
    (
        "the type {} is final for restriction: derive from another type",
        "型 {} は制限による派生を禁じています（final）。別の型から派生させてください",
    ),
    (
        "the type {} is final for list: make a list of another type",
        "型 {} はリストの項目にすることを禁じています（final）。別の型のリストにしてください",
    ),
    (
        "finalDefault forbids a list of this type: make a list of one with a name and a final of its own",
        "finalDefaultがこの型をリストの項目にすることを禁じています。名前と自身のfinalを持つ型のリストにしてください",
    ),
    (
        "the simple type inside does not restrict the content of the base type: derive it from that, or give facets only",
        "中の単純型が、基底型の内容の制限になっていません。それから派生させるか、制限だけを書いてください",
    ),
    (
        "simple content can restrict other simple content, and mixed content that may be empty: take another base type",
        "単純内容で制限できるのは、単純内容か、空にできる混合内容だけです。別の型を基底にしてください",
    ),
    (
        "the base type has simple content: this type needs simple content, too",
        "基底型は単純内容です。この型も単純内容にしてください",
    ),
    (
        "the content is mixed, and that of the base type is not: leave mixed out",
        "混合内容ですが、基底型の内容は混合ではありません。mixedを除いてください",
    ),
    (
        "either the content is mixed or that of the base type, and not both: an extension keeps that as it is",
        "内容か基底型の内容の一方だけが混合です。拡張では基底型と同じにしてください",
    ),
    (
        "the attribute {} is in the base type already: leave it out here",
        "属性 {} は基底型に既にあります。ここから除いてください",
    ),
    (
        "the content of element {} may not be empty: give it no default or fixed value",
        "要素 {} の内容は空にできません。既定値や固定値を付けないでください",
    ),
    (
        "the element that {} stands for is not declared: mend the reference",
        "要素 {} が代わりとなる要素が宣言されていません。参照を直してください",
    ),
    (
        "there is no key or unique of the name {} in that namespace: mend the reference",
        "その名前空間に {} という名前のkeyやuniqueはありません。参照を直してください",
    ),
    (
        "{} is redefined twice, first at {}: redefine it in one document only",
        "{} が二度再定義されています（最初は {}）。再定義は一つの文書だけにしてください",
    ),
    (
        "element {} has neither simple nor mixed content: give it no default or fixed value",
        "要素 {} の内容は単純でも混合でもありません。既定値や固定値を付けないでください",
    ),
    (
        "elements of a schema document are nested more than {} levels deep: nest them less",
        "スキーマ文書の要素の入れ子が{}段を超えています。浅くしてください",
    ),
    (
        "definitions refer to one another more than {} levels deep: refer to fewer groups, types and heads one behind the other",
        "定義どうしの参照が{}段を超えて連なっています。グループ、型、代替グループの参照の連なりを短くしてください",
    ),
    (
        "what is defined here refers to itself, round in a circle: take one of the references out",
        "ここの定義が、循環して自分自身を参照しています。参照の一つを取り除いてください",
    ),
    ("xs:all is not the whole content of the type", "xs:allは型の内容の全体でなければなりません"),
    ("an element particle refers to no declaration", "要素の参照先となる宣言がありません"),
    (
        "a reference to a group leads nowhere, or round in a circle",
        "グループの参照先がないか、循環しています",
    ),
    (
        "the elements {} and {} ({}) compete for what comes next: it must be clear which one is meant",
        "要素 {} と要素 {}（{}）が、次に来る要素を取り合います。どちらに当たるかが一つに決まるようにしてください",
    ),
    (
        "the element {} and a wildcard ({}) compete for what comes next: it must be clear which one is meant",
        "要素 {} とワイルドカード（{}）が、次に来る要素を取り合います。どちらに当たるかが一つに決まるようにしてください",
    ),
    (
        "this wildcard and another one ({}) compete for what comes next: it must be clear which one is meant",
        "このワイルドカードと別のワイルドカード（{}）が、次に来る要素を取り合います。どちらに当たるかが一つに決まるようにしてください",
    ),
    (
        "the {} of this constraint cannot be read: mend its path",
        "この制約の{}を読み取れません。パスを直してください",
    ),
    (
        "the {} of this constraint has more than {} steps: start it nearer, with .//",
        "この制約の{}が{}段を超えています。.//を使って短くしてください",
    ),
];

/// The Japanese for a text of a [`SchemaError`](crate::SchemaError): its `construct`, `advice` or `problem`. What is not in
/// our own words stays as it is.
pub fn schema_text_ja(text: &str) -> String {
    PHRASES
        .iter()
        .find_map(|(en, ja)| {
            let parts = taken(en, text)?;
            let mut said = String::new();
            for (at, piece) in ja.split("{}").enumerate() {
                if let Some(part) = at.checked_sub(1).and_then(|at| parts.get(at)) {
                    said.push_str(&schema_text_ja(part));
                }
                said.push_str(piece);
            }
            Some(said)
        })
        .unwrap_or_else(|| text.to_owned())
}

/// What stands in the places of a phrase, if the text is one of it.
fn taken<'t>(phrase: &str, text: &'t str) -> Option<Vec<&'t str>> {
    let mut pieces = phrase.split("{}");
    let mut rest = text.strip_prefix(pieces.next()?)?;
    let mut parts = Vec::new();
    let mut pieces = pieces.peekable();
    while let Some(piece) = pieces.next() {
        let end = match (piece, pieces.peek()) {
            ("", None) => rest.len(),
            (piece, None) => rest.strip_suffix(piece)?.len(),
            (piece, Some(_)) => rest.find(piece)?,
        };
        parts.push(&rest[..end]);
        rest = &rest[end + piece.len()..];
    }
    rest.is_empty().then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_words_are_said_in_japanese_with_what_comes_from_the_schema() {
        for (en, ja) in PHRASES {
            assert_eq!(en.matches("{}").count(), ja.matches("{}").count(), "{en}");
            assert!(ja.chars().any(|c| c >= 'ぁ'), "{ja}");
        }
        for (en, ja) in [
            ("give it a type", "型を指定してください"),
            ("an attribute of element a", "要素 a の属性"),
            ("the type xs:ID of element b", "要素の型 xs:ID（要素 b）"),
            (
                "the document \"a.xsd\" cannot be had: it lies outside the folder of the schema",
                "文書 \"a.xsd\" を使えません: スキーマのフォルダーの外にあります",
            ),
            ("what the compiler says", "what the compiler says"),
            ("give it a type or not", "give it a type or not"),
        ] {
            assert_eq!(schema_text_ja(en), ja);
        }
    }

    /// A text that changes in the code is missed here, not by a reader of Japanese.
    #[test]
    fn the_phrases_are_those_of_the_code() {
        let code = [
            include_str!("../circle.rs"),
            include_str!("../expansion.rs"),
            include_str!("../finals.rs"),
            include_str!("../redefined.rs"),
            include_str!("../refusal.rs"),
            include_str!("../engine/build/substitution.rs"),
            include_str!("../translate.rs"),
            include_str!("../translate/find.rs"),
            include_str!("../translate/keys.rs"),
            include_str!("../schema.rs"),
            include_str!("../sources.rs"),
            include_str!("../dialect.rs"),
            include_str!("../engine/build/mod.rs"),
            include_str!("../engine/build/attributes.rs"),
            include_str!("../engine/build/content.rs"),
            include_str!("../engine/build/derivation.rs"),
            include_str!("../engine/build/elements.rs"),
            include_str!("../engine/build/simple.rs"),
            include_str!("../engine/build/types.rs"),
            include_str!("../engine/build/constraints.rs"),
        ]
        .concat();
        for (en, _) in PHRASES {
            let whole = en.strip_suffix(" (constraint {})").unwrap_or(en);
            let longest = whole.split("{}").max_by_key(|piece| piece.len()).unwrap_or_default();
            assert!(code.contains(longest), "{en}");
        }
    }
}
