//! What the grammar may have at a place (RFC 8259 section 2), in words.

use crate::read::error::Expected;

pub(super) const ARRAY: Expected = Expected::new("an array of records", "レコードの配列");
pub(super) const RECORD_OR_END: Expected =
    Expected::new("a record or the array's end", "レコードまたは配列の終わり");
pub(super) const COMMA_OR_ARRAY_END: Expected =
    Expected::new("a comma or the array's end", "コンマまたは配列の終わり");
pub(super) const RECORD: Expected = Expected::new("a record", "レコード");
pub(super) const PAYLOAD_END: Expected = Expected::new("the end of the payload", "データの終わり");
pub(super) const LINE_END: Expected = Expected::new("the end of the line", "行の終わり");
pub(super) const OBJECT: Expected = Expected::new("an object", "オブジェクト");
pub(super) const MEMBER_OR_END: Expected =
    Expected::new("a member or the object's end", "項目またはオブジェクトの終わり");
pub(super) const NAME: Expected = Expected::new("a member's name", "項目名");
pub(super) const COLON: Expected = Expected::new("a colon", "コロン");
pub(super) const COMMA_OR_OBJECT_END: Expected =
    Expected::new("a comma or the object's end", "コンマまたはオブジェクトの終わり");
pub(super) const VALUE: Expected = Expected::new("a value", "値");
pub(super) const ARRAY_START: Expected = Expected::new("an array", "配列");
pub(super) const ITEM_OR_END: Expected =
    Expected::new("an item or the array's end", "要素または配列の終わり");
pub(super) const ITEM: Expected = Expected::new("an item", "要素");
pub(super) const OBJECT_OR_END: Expected =
    Expected::new("an object or the array's end", "オブジェクトまたは配列の終わり");
pub(super) const VALUE_OR_END: Expected = Expected::new("a value or the array's end", "値または配列の終わり");
