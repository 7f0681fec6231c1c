//! What the compiler says of a schema is English and of any kind: in Japanese the rule is explained first.

/// The beginnings of rules' names (part 1 appendix C, part 2), the longer ones first, and what breaking one means.
const RULES: &[(&str, &str)] = &[
    ("a-props-correct", "属性の宣言が正しくありません"),
    ("ag-props-correct", "属性グループの定義が正しくありません"),
    ("as-props-correct", "注釈や宣言の組み合わせが正しくありません"),
    ("au-props-correct", "属性の使い方が宣言と合いません"),
    ("c-fields-xpaths", "fieldのXPathが正しくありません"),
    ("c-props-correct", "key、keyref、uniqueの定義が正しくありません"),
    ("c-selector-xpath", "selectorのXPathが正しくありません"),
    ("cos-all-limited", "xs:allの置き方か、その中の回数の指定が正しくありません"),
    ("cos-applicable-facets", "この型には使えない制限があります"),
    ("cos-attribute-decl", "ID型の属性に既定値や固定値は付けられません"),
    ("cos-aw-", "属性のワイルドカードを一つにまとめられません"),
    ("cos-ct-derived-ok", "複合型の派生が正しくありません"),
    ("cos-ct-extends", "拡張による派生が正しくありません"),
    ("cos-element-consistent", "同じ名前の要素が、一つの内容の中で異なる型に宣言されています"),
    ("cos-list-of-atomic", "リストの項目にできない型です"),
    ("cos-nonambig", "次に来る要素がどの宣言に当たるか、一つに決まりません"),
    ("cos-ns-subset", "ワイルドカードの名前空間が基底型の範囲を超えています"),
    ("cos-particle-", "内容の組み立て方が正しくありません"),
    ("cos-st-", "単純型の派生が正しくありません"),
    ("cos-union-memberTypes", "共用体の構成要素にできない型です"),
    ("cos-valid-default", "既定値または固定値が型の値ではありません"),
    ("ct-props-correct", "複合型の定義が正しくありません"),
    ("cvc-", "値がその型の値ではありません"),
    ("derivation-ok-restriction", "制限による派生が基底型の範囲を超えています"),
    ("e-props-correct", "要素の宣言が正しくありません（既定値、固定値、代替グループを確かめてください）"),
    ("enumeration-", "列挙された値が基底型の値ではありません"),
    ("ic-unique", "key、keyref、uniqueの名前が重複しています"),
    ("limit", "スキーマの入れ子や大きさが上限を超えています"),
    ("mg-props-correct", "要素の並び（モデルグループ）が正しくありません"),
    ("mgd-props-correct", "xs:groupの定義が正しくありません"),
    ("n-props-correct", "xs:notationの宣言が正しくありません"),
    ("no-xmlns", "xmlnsという名前の属性は宣言できません"),
    ("no-xsi", "xsiの名前空間に属性は宣言できません"),
    ("p-props-correct", "minOccursとmaxOccursの指定が正しくありません"),
    ("pattern-", "パターンが正規表現として正しくありません"),
    ("s4s-att-", "スキーマ文書の属性か、その値が正しくありません"),
    ("s4s-elt-", "スキーマ文書の要素の置き方が正しくありません"),
    ("sch-props-correct", "文書の要素がxs:schemaでないか、宣言や定義が重複または循環しています"),
    ("schema", "スキーマとして読み取れません"),
    ("src-attribute_group", "属性グループの書き方が正しくありません"),
    ("src-attribute", "属性の宣言の書き方が正しくありません"),
    ("src-ct", "複合型の定義の書き方が正しくありません"),
    ("src-element", "要素の宣言の書き方が正しくありません"),
    ("src-identity-constraint", "key、keyref、uniqueの書き方が正しくありません"),
    ("src-import", "xs:importの書き方か、読み込んだ文書の名前空間が正しくありません"),
    ("src-include", "xs:includeの書き方か、取り込んだ文書が正しくありません"),
    ("src-list-", "xs:listにはitemTypeとxs:simpleTypeのどちらか一方だけを書きます"),
    ("src-model_group", "xs:groupの書き方が正しくありません"),
    ("src-notation", "xs:notationの書き方が正しくありません"),
    ("src-redefine", "xs:redefineの書き方か、その中の再定義が正しくありません"),
    ("src-resolve", "参照先の宣言や型、または接頭辞が見つかりません"),
    ("src-restriction-", "xs:restrictionにはbaseとxs:simpleTypeのどちらか一方だけを書きます"),
    ("src-simple-type", "単純型の定義の書き方が正しくありません"),
    ("src-union-", "xs:unionにはmemberTypesかxs:simpleTypeが必要です"),
    ("src-wildcard", "ワイルドカードの書き方が正しくありません"),
    ("st-props-correct", "単純型の定義が正しくありません"),
    ("w-props-correct", "ワイルドカードの定義が正しくありません"),
    ("xml", "整形式のXMLではありません"),
];

/// The ends of the names of rules on facets.
const FACETS: &[(&str, &str)] = &[
    ("-valid-restriction", "制限の値が基底型の範囲を超えています"),
    ("Inclusive", "下限と上限の指定が食い違っています"),
    ("Exclusive", "下限と上限の指定が食い違っています"),
    ("Length", "長さの指定が食い違っています"),
    ("-totalDigits", "桁数の指定が食い違っています"),
];

/// A text of the compiler on a rule, introduced in Japanese.
pub(crate) fn compiler_ja(rule: &str, text: &str) -> String {
    let begins = RULES.iter().find(|(name, _)| rule.starts_with(name));
    let ends = || FACETS.iter().find(|(name, _)| rule.ends_with(name));
    let meaning = begins.or_else(ends).map_or("スキーマの書き方が正しくありません", |(_, meaning)| meaning);
    format!("{meaning}。コンパイラーの説明（英語）: {text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_found_by_its_name() {
        let names: Vec<_> = RULES.iter().chain(FACETS).map(|(name, _)| *name).collect();
        for (at, (name, meaning)) in RULES.iter().enumerate() {
            assert!(!names[..at].iter().any(|earlier| name.starts_with(earlier)), "{name} is never reached");
            assert!(meaning.chars().any(|c| c >= 'ぁ') && !meaning.ends_with('。'), "{name}");
        }
        for (rule, meaning) in [
            ("e-props-correct.2", "要素の宣言が"),
            ("src-attribute_group", "属性グループの"),
            ("minLength-valid-restriction", "制限の値が"),
            ("minInclusive-less-than-equal-to-maxInclusive", "下限と上限"),
            ("what-comes-later", "スキーマの書き方"),
        ] {
            let said = compiler_ja(rule, "text");
            assert!(said.starts_with(meaning) && said.ends_with(": text"), "{said}");
        }
    }
}
