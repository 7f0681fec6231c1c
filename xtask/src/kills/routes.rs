//! The routes that are under load: every dialect, by every door, with and without repetitions that do no harm.

use std::net::SocketAddr;

use crate::demo::Door;
use crate::sections;
use crate::workspace::{Programs, root};

/// Records of one batch.
pub(super) const RECORDS: u64 = 24;
/// Rows of one chunk where the pace does not decide: a batch takes several.
const ROWS: u64 = 8;

/// One route, and the table of the cloud that has its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Route {
    /// Its name.
    pub(super) name: &'static str,
    /// How its batches come in.
    pub(super) door: Door,
    /// The name by which the cloud's faults know its dialect.
    pub(super) dialect: &'static str,
    /// Sending a row twice has the effect of sending it once.
    pub(super) idempotent: bool,
    /// Every batch has the same keys, and newer values.
    pub(super) ordered: bool,
    /// It relays and splits: the client is answered by the cloud, in one answer, and has no receipt.
    pub(super) awaited: bool,
}

const fn route(name: &'static str, door: Door, dialect: &'static str) -> Route {
    Route { name, door, dialect, idempotent: true, ordered: false, awaited: false }
}

/// All of them. `awaited` relays and splits; `once`, `found` and `jobs` add rows, so that each repetition is an effect of its own. What
/// became of a chunk of `found` the cloud is asked by key.
pub(super) const ROUTES: [Route; 11] = [
    route("soap", Door::RestCsv, "soap"),
    route("swa", Door::Swa, "swa"),
    route("rest", Door::RestJson, "rest"),
    route("bulk", Door::SoapBase64, "bulk2"),
    route("collections", Door::RestNdjson, "collections"),
    route("partner", Door::RestXml, "partner-soap"),
    Route { idempotent: false, ..route("once", Door::SoapXml, "soap") },
    Route { idempotent: false, ..route("found", Door::SoapXml, "soap") },
    Route { idempotent: false, ..route("jobs", Door::RestCsv, "bulk2") },
    Route { ordered: true, ..route("ordered", Door::RestCsv, "soap") },
    Route { awaited: true, ..route("awaited", Door::SoapXml, "soap") },
];

impl Route {
    /// Its part of the configuration.
    pub(super) fn section(&self) -> String {
        let Self { name, idempotent, ordered, .. } = self;
        let mode = match self.awaited {
            // The answer's time is longer than anything here takes, but for a gateway that dies.
            // Who comes again after a kill finds the answer as long as the payload is kept: for longer than the clock jumps.
            true => {
                "mode = \"relay\"\ntarget = \"/services/intake/awaited/order_id\"\nkeep_payload_seconds = 864000\n"
            }
            false => "",
        };
        let split = match self.awaited {
            true => {
                "[route.split]\nabove_records = 1\ndeadline_ms = 60000\n[[route.operation]]\n\
                 body = \"{urn:example:city-cloud:intake:1}putRecords\"\nrecords = \"body-children\"\n"
            }
            false => "",
        };
        let doors = if self.awaited { "\"soap\"" } else { "\"swa\", \"soap\", \"rest\"" };
        format!(
            r#"
[[route]]
name = "{name}"
path = "/{name}"
clients = ["city"]
doors = [{doors}]
{mode}schema = "orders"
upstream = "cloud"
idempotent = {idempotent}
ordered = {ordered}
[route.pace]
limit_ms = 2000
grace_ms = 1000
{pace}[route.retry]
initial_ms = 20
max_ms = 400
[route.mapping]
key = ["order_id"]
{split}[route.dialect]
{dialect}"#,
            // The pace's own decisions are under load, too.
            pace = match *name {
                "soap" => "start_rows = 16\n".to_owned(),
                _ => format!("fixed_rows = {ROWS}\nmax_in_flight = 3\n"),
            },
            dialect = self.dialect_section(),
        )
    }

    fn dialect_section(&self) -> String {
        let name = self.name;
        let results = "result = \"result\", key = \"key\", success = \"success\", code = \"error/code\"";
        let soap = |kind: &str, operation: &str, record: &str| {
            let service = if kind == "swa" { "swa" } else { "intake" };
            format!(
                "kind = \"{kind}\"\npath = \"/services/{service}/{name}/order_id\"\n\
                 namespace = \"urn:example:city-cloud:intake:1\"\noperation = \"{operation}\"\n{record}\
                 action = \"urn:example:city-cloud:intake:1/{operation}\"\nresults = {{ {results} }}\n\
                 fault_code = \"intakeFault/code\"\n"
            )
        };
        let polled = "poll_initial_ms = 10\npoll_max_ms = 100\n";
        match (self.dialect, self.name) {
            ("soap", "once") => soap("soap", "addRecords", "record = \"row\"\n"),
            // Every batch has keys of its own; a chunk's are asked for in several calls.
            ("soap", "found") => {
                let wsdl = root().join("conformance/wsdl/intake.wsdl").display().to_string();
                soap("soap", "addRecords", "record = \"row\"\n")
                    + &format!("wsdl = {wsdl:?}\n")
                    + "find = { keys = \"used-once\", operation = \"findRecords\", found = \"found\", most_keys = 3 }\n"
            }
            ("soap", _) => soap("soap", "putRecords", "record = \"row\"\n"),
            ("swa", _) => soap("swa", "putFile", ""),
            ("rest", _) => format!(
                "kind = \"rest\"\npath = \"/services/api/{name}/order_id/rows\"\nformat = \"csv\"\n\
                 results = {{ result = \"results\", key = \"key\", success = \"success\", code = \"errors/code\" }}\n"
            ),
            ("bulk2", "jobs") => format!(
                "kind = \"bulk2\"\nobject = \"{name}\"\nexternal_id = \"order_id\"\noperation = \"insert\"\n{polled}"
            ),
            ("bulk2", _) => {
                format!("kind = \"bulk2\"\nobject = \"{name}\"\nexternal_id = \"order_id\"\n{polled}")
            }
            (kind, _) => format!("kind = \"{kind}\"\nobject = \"{name}\"\nexternal_id = \"order_id\"\n"),
        }
    }

    /// The key of a record of a batch, both counted from 0.
    pub(super) fn key(&self, batch: u64, record: u64) -> u64 {
        if self.ordered { record + 1 } else { batch * 100 + record + 1 }
    }

    /// What the record holds beside its key.
    pub(super) fn amount(batch: u64, record: u64) -> u64 {
        batch * 100 + record
    }

    /// The records of a batch, in the format of the route's door.
    pub(super) fn payload(&self, batch: u64) -> String {
        let records = (0..RECORDS).map(|record| (self.key(batch, record), Self::amount(batch, record)));
        match self.door.format() {
            "csv" => std::iter::once("order_id,customer,amount,note\n".to_owned())
                .chain(records.map(|(key, amount)| format!("{key},c,{amount},\n")))
                .collect(),
            "json" => {
                let records: Vec<_> = records
                    .map(|(key, amount)| format!("{{\"order_id\":{key},\"amount\":{amount}}}"))
                    .collect();
                format!("[{}]", records.join(","))
            }
            "ndjson" => {
                records.map(|(key, amount)| format!("{{\"order_id\":{key},\"amount\":{amount}}}\n")).collect()
            }
            _ => {
                let records: String = records
                    .map(|(key, amount)| {
                        format!(
                            "<order xmlns=\"urn:example:bulk\"><order_id>{key}</order_id><amount>{amount}</amount></order>"
                        )
                    })
                    .collect();
                match self.door {
                    Door::RestXml => format!("<orders xmlns=\"urn:example:bulk\">{records}</orders>"),
                    _ => records,
                }
            }
        }
    }
}

/// What stands before the routes.
pub(super) fn head(programs: &Programs, cloud: SocketAddr) -> anyhow::Result<String> {
    Ok(format!(
        r#"[gateway]
state = "state"
grace_ms = 2000
keep_payload_seconds = 0
[spool.encryption]
data_keys = "data-keys"
[[spool.encryption.key]]
id = "kills"
file = "wrapping-key"
{listening}{without_a_pause}{schema}{cloud}line_interval_ms = 200
cloud_interval_ms = 200
"#,
        listening = sections::listening(&ROUTES.map(|route| route.name)),
        without_a_pause = sections::WITHOUT_A_PAUSE,
        schema = sections::schema(programs, "orders", "{urn:example:bulk}order")?,
        cloud = sections::cloud(cloud),
    ))
}
