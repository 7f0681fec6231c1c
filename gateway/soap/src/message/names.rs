//! The names of the contract's elements. An error names an element by one of these or not at all: any other name is a
//! value of the message.

use super::NAMESPACE;

/// Every element of `schemas/gateway.xsd`, in order.
const NAMES: [&str; 97] = [
    "accepted",
    "after",
    "ageMs",
    "attachment",
    "attempt",
    "batchChunks",
    "batchChunksResponse",
    "batchErrors",
    "batchErrorsResponse",
    "batchId",
    "batchState",
    "batchStateResponse",
    "byte",
    "bytes",
    "cancelBatch",
    "cancelBatchResponse",
    "cancelled",
    "changedAt",
    "checkedAt",
    "checksFailed",
    "checksPassed",
    "chunk",
    "chunks",
    "class",
    "code",
    "column",
    "data",
    "delivered",
    "deliveredDigest",
    "door",
    "duplicate",
    "duplicateBy",
    "error",
    "errorsTotal",
    "evidence",
    "expected",
    "expired",
    "failuresInARow",
    "field",
    "finishedAt",
    "firstRecord",
    "found",
    "from",
    "header",
    "heartbeat",
    "heartbeatResponse",
    "held",
    "hop",
    "id",
    "idempotencyKey",
    "inDoubt",
    "inFlight",
    "lastRecord",
    "latencyMs",
    "limit",
    "line",
    "location",
    "logHead",
    "message",
    "name",
    "next",
    "number",
    "openedAt",
    "outcome",
    "part",
    "partial",
    "path",
    "payloadDigest",
    "pending",
    "problem",
    "reason",
    "receipt",
    "receivedAt",
    "record",
    "records",
    "recordsDigest",
    "reference",
    "rejected",
    "replacedCharacters",
    "route",
    "row",
    "rows",
    "setAside",
    "since",
    "span",
    "spansTotal",
    "state",
    "submitBatch",
    "submitBatchResponse",
    "sums",
    "takenAt",
    "text",
    "total",
    "trafficFailed",
    "trafficPassed",
    "unfinished",
    "upstream",
];

/// The name as the contract has it, if it is one of its names.
pub(super) fn of_contract(namespace: &str, local: &str) -> Option<&'static str> {
    let found = NAMES.binary_search(&local).ok().filter(|_| namespace == NAMESPACE)?;
    Some(NAMES[found])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_of_the_schema() {
        let schema = include_str!("../../../../schemas/gateway.xsd");
        let mut named: Vec<_> = schema
            .split("element name=\"")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap_or_default())
            .collect();
        named.sort_unstable();
        named.dedup();
        assert_eq!(NAMES.to_vec(), named);
        assert_eq!(of_contract(NAMESPACE, "batchId"), Some("batchId"));
        assert_eq!((of_contract(NAMESPACE, "batchid"), of_contract("", "batchId")), (None, None));
    }
}
