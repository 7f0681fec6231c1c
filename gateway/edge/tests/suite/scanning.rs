//! Scanning at the doors: what is found does not pass, what is not scanned does not either, and what the scanner gets is what was sent.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use sekisho_edge::route::{Mode, Route, Signed, Split};
use sekisho_journal::Digest;
use sekisho_liveness::{ErrorClass, HopState, Observation};
use sekisho_scan::{Address, Beyond, Kind, Scanner, Settings};

use crate::client::find;
use crate::record_sets::RecordSet;
use crate::relaying::{Cloud, answer, call, cloud};
use crate::site::{Arrangement, DEADLINE, Site, TOWN, until};
use crate::ways::{Message, Way, envelope, package, question, submit};

/// What is found.
const CANARY: &str = "K4NARY-V1RUS";

/// A clamd that knows one signature, and what it was given.
struct Clamd {
    address: SocketAddr,
    given: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Clamd {
    fn start() -> Self {
        Self::gated(None)
    }

    /// One that says its verdicts only when it is told to.
    fn gated(gate: Option<mpsc::Receiver<()>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let given = Arc::new(Mutex::new(Vec::new()));
        let (gate, all) = (Arc::new(Mutex::new(gate)), Arc::clone(&given));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (Ok(mut stream), gate, all) = (stream, Arc::clone(&gate), Arc::clone(&all)) else {
                    return;
                };
                thread::spawn(move || {
                    // One that is given up has no content.
                    let Some(content) = content(&mut stream) else { return };
                    let infected = find(&content, CANARY.as_bytes()).is_some();
                    all.lock().unwrap().push(content);
                    if let Some(gate) = &*gate.lock().unwrap()
                        && gate.recv_timeout(DEADLINE).is_err()
                    {
                        return;
                    }
                    let said = if infected { "stream: Se-cret.Name FOUND\0" } else { "stream: OK\0" };
                    let _ = stream.write_all(said.as_bytes());
                });
            }
        });
        Self { address, given }
    }

    fn given(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.given.lock().unwrap())
    }
}

fn content(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut command = [0; 10];
    stream.read_exact(&mut command).ok()?;
    assert_eq!(&command, b"zINSTREAM\0");
    let mut content = Vec::new();
    loop {
        let mut length = [0; 4];
        stream.read_exact(&mut length).ok()?;
        let length = u32::from_be_bytes(length) as usize;
        if length == 0 {
            return Some(content);
        }
        let from = content.len();
        content.resize(from + length, 0);
        stream.read_exact(&mut content[from..]).ok()?;
    }
}

fn scanner(address: SocketAddr, most: u64, beyond: Beyond) -> Option<Scanner> {
    Some(Scanner::new(settings(address, most, beyond)))
}

fn settings(address: SocketAddr, most: u64, beyond: Beyond) -> Settings {
    Settings {
        name: "av".to_owned(),
        kind: Kind::Clamd,
        address: Address::Tcp(address),
        connect: DEADLINE,
        at_once: 2,
        wait: DEADLINE,
        stall: DEADLINE,
        answer: DEADLINE,
        most,
        beyond,
    }
}

fn site(clamd: &Clamd) -> Site {
    let scanner = scanner(clamd.address, 1 << 20, Beyond::Refuse);
    Site::with(Arrangement { scanner, ..Arrangement::default() })
}

fn relay(clamd: &Clamd, cloud: &Cloud) -> Site {
    let scanner = scanner(clamd.address, 1 << 20, Beyond::Refuse);
    Site::with(Arrangement { scanner, upstream: cloud.url.clone(), ..Arrangement::default() })
}

fn scanned(site: &Site, outcome: &str) -> u64 {
    site.gateway.metrics.scanned.with_label_values(&["av", outcome]).get()
}

fn infected() -> RecordSet {
    RecordSet::orders(&[["1", "a", "1.00", ""], ["2", "b", "2.00", CANARY], ["3", "c", "3.00", ""]])
}

#[test]
fn what_the_scanner_gets_is_the_payload_as_its_sender_has_it() {
    let clamd = Clamd::start();
    let site = site(&clamd);
    let set = RecordSet::many_orders(50);
    for (n, way) in (1..).zip(Way::ALL) {
        let receipt = site.client().ask(way.request("/orders", &set)).receipt();
        assert_eq!(receipt.records, 50, "{way:?}");
        let payload = match way {
            // Records as elements: the payload is the envelope.
            Way::SoapXml => way.message(way.payload(&set).as_bytes()).body,
            _ => way.payload(&set).into_bytes(),
        };
        assert_eq!(clamd.given(), [payload], "{way:?}");
        assert_eq!(scanned(&site, "passed"), n, "{way:?}");
    }
    let packed = Way::RestCsv.message(set.csv().as_bytes()).gzipped();
    site.client().ask(packed.to("/orders")).receipt();
    assert_eq!(clamd.given(), [set.csv().into_bytes()], "unpacked");
    // An envelope that is longer than what is held of it before it is known what it is.
    let many = RecordSet::many_orders(5_000);
    for way in [Way::SoapXml, Way::SoapBase64] {
        site.client().ask(way.request("/orders", &many)).receipt();
        assert_eq!(clamd.given().len(), 1, "{way:?}");
    }
}

#[test]
fn questions_are_not_scanned() {
    let clamd = Clamd::start();
    let site = site(&clamd);
    assert_eq!(site.client().ask(question("heartbeat", "").to("/orders")).status, 200);
    assert!(site.client().is_alive());
    assert!(clamd.given().is_empty());
}

#[test]
fn what_is_found_is_refused_at_every_door_and_nothing_is_kept() {
    let clamd = Clamd::start();
    let site = site(&clamd);
    for way in Way::ALL {
        let found = site.client().ask(way.request("/orders", &infected()));
        let said = found.text();
        assert!(!said.contains("cret.Name") && !said.contains(CANARY), "{way:?}: {said}");
        assert_eq!(found.refused().code, "content-infected", "{way:?}");
        let status = if way.is_soap() { 500 } else { 422 };
        assert_eq!(found.status, status, "{way:?}");
        assert!(said.contains("ウイルス検査"), "{way:?}: {said}");
    }
    site.assert_nothing_kept();
    assert_eq!(scanned(&site, "infected"), Way::ALL.len() as u64);
    // Nor is it where bad records are left out.
    let found = site.client().ask(Way::RestCsv.request("/lenient", &infected()));
    assert_eq!(found.refused().code, "content-infected");
    site.assert_nothing_kept();
}

#[test]
fn every_part_of_a_package_is_scanned_as_it_is_decoded() {
    use base64::Engine as _;
    let clamd = Clamd::start();
    let site = site(&clamd);
    let set = RecordSet::many_orders(2).csv();
    let root = envelope(&submit("<g:data href=\"cid:payload@test\"/>"));
    let encoded = base64::engine::general_purpose::STANDARD.encode(CANARY);
    let parts = |beside: &str| -> Message {
        package(
            "multipart/related; boundary=\"cut\"; type=\"text/xml\"; start=\"<root@test>\"",
            &[
                ("Content-Type: text/xml; charset=UTF-8\r\nContent-ID: <root@test>\r\n", root.as_bytes()),
                ("Content-Type: text/csv\r\nContent-ID: <payload@test>\r\n", set.as_bytes()),
                ("Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n", beside.as_bytes()),
            ],
        )
    };
    let found = site.client().ask(parts(&encoded).to("/orders"));
    let refused = found.refused();
    assert_eq!((refused.code.as_str(), refused.location.part), ("content-infected", Some(3)), "{found}");
    site.assert_nothing_kept();
    clamd.given();
    site.client().ask(parts("AAAA").to("/orders")).receipt();
    assert_eq!(clamd.given(), [set.into_bytes(), vec![0; 3]]);
}

#[test]
fn without_its_scanner_a_route_takes_nothing() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let scanner = scanner(nobody, 1 << 20, Beyond::Refuse);
    let site = Site::with(Arrangement { scanner, ..Arrangement::default() });
    for way in Way::ALL {
        let found = site.client().ask(way.request("/orders", &RecordSet::many_orders(3)));
        assert_eq!((found.status, found.refused().code.as_str()), (503, "scanner-unavailable"), "{way:?}");
        assert_eq!(found.header("retry-after"), Some("30"), "{way:?}");
    }
    let found = site.client().ask(call().to("/relay"));
    assert_eq!((found.status, found.refused().code.as_str()), (503, "scanner-unavailable"));
    site.assert_nothing_kept();
    assert_eq!(scanned(&site, "unavailable"), Way::ALL.len() as u64 + 1);
    // What needs no scan is answered.
    assert_eq!(site.client().ask(question("heartbeat", "").to("/relay")).status, 200);
}

/// The state of the scanner's hop, and the class of what is wrong with it.
fn hop(site: &Site) -> (HopState, Option<ErrorClass>) {
    let hops = site.gateway.board.snapshot().hops;
    let hop = hops.iter().find(|hop| *hop.name == *"scanner/av").unwrap();
    (hop.state, hop.class)
}

#[test]
fn a_scanner_that_takes_everything_and_hangs_is_down_by_the_first_message_and_holds_no_place() {
    // Nobody says a verdict, however long it is waited for.
    let (_never, gate) = mpsc::channel();
    let clamd = Clamd::gated(Some(gate));
    let stall = Duration::from_millis(200);
    let settings = Settings { stall, ..settings(clamd.address, 1 << 20, Beyond::Refuse) };
    let site = Site::with(Arrangement { scanner: Some(Scanner::new(settings)), ..Arrangement::default() });
    let places = site.gateway.free_uploads();
    site.gateway.board.report("scanner/av", Observation::up(Duration::ZERO));
    for (n, way) in (1..).zip(Way::ALL) {
        let found = site.client().ask(way.request("/orders", &RecordSet::many_orders(3)));
        assert_eq!((found.status, found.refused().code.as_str()), (503, "scanner-unavailable"), "{way:?}");
        assert_eq!(found.header("retry-after"), Some("30"), "{way:?}");
        assert_eq!(hop(&site), (HopState::Down, Some(ErrorClass::Timeout)), "{way:?}");
        assert_eq!(scanned(&site, "unavailable"), n, "{way:?}");
    }
    let found = site.client().ask(call().to("/relay"));
    assert_eq!((found.status, found.refused().code.as_str()), (503, "scanner-unavailable"));
    site.assert_nothing_kept();
    until("every place is free again", || site.gateway.free_uploads() == places);
    // The first message, and then what the gateway tries by itself: no other message was given to it.
    let set = RecordSet::many_orders(3);
    let first = Way::ALL[0].payload(&set).into_bytes();
    let given = clamd.given();
    assert!(given[0] == first && given[1..].iter().all(|content| content.len() < 10), "{}", given.len());
}

#[test]
fn over_its_places_a_message_is_refused_after_a_bounded_wait_and_the_admitted_ones_go_on() {
    let (tell, gate) = mpsc::channel();
    let clamd = Clamd::gated(Some(gate));
    let wait = Duration::from_millis(50);
    let settings = Settings { at_once: 1, wait, ..settings(clamd.address, 1 << 20, Beyond::Refuse) };
    let site = Site::with(Arrangement { scanner: Some(Scanner::new(settings)), ..Arrangement::default() });
    site.gateway.board.report("scanner/av", Observation::up(Duration::ZERO));
    let set = RecordSet::many_orders(3);
    let mut first = site.client();
    first.send(Way::Swa.request("/orders", &set));
    until("the scanner has all of it", || !clamd.given.lock().unwrap().is_empty());
    for client in [site.client(), site.client_from(TOWN)] {
        let found = { client }.ask(Way::RestCsv.request("/orders", &set));
        assert_eq!((found.status, found.refused().code.as_str()), (503, "scanner-unavailable"), "{found}");
        assert_eq!(found.header("retry-after"), Some("30"));
    }
    assert_eq!(hop(&site).0, HopState::Up, "who is asked for much is not down");
    tell.send(()).unwrap();
    first.answer().receipt();
    assert_eq!((clamd.given().len(), site.batches().len()), (1, 1));
}

#[test]
fn what_is_longer_than_the_scanner_looks_at_is_refused_or_looked_at_in_part() {
    let clamd = Clamd::start();
    let set = RecordSet::many_orders(500);
    let refusing = scanner(clamd.address, 1_000, Beyond::Refuse);
    let site = Site::with(Arrangement { scanner: refusing, ..Arrangement::default() });
    for way in Way::ALL {
        let found = site.client().ask(way.request("/orders", &set));
        assert_eq!((found.status, found.refused().code.as_str()), (413, "content-unscannable"), "{way:?}");
    }
    site.assert_nothing_kept();
    let lenient = scanner(clamd.address, 1_000, Beyond::ScanBeginning);
    let site = Site::with(Arrangement { scanner: lenient, ..Arrangement::default() });
    clamd.given();
    site.client().ask(Way::RestCsv.request("/orders", &set)).receipt();
    assert_eq!(clamd.given(), [set.csv().as_bytes()[..1_000].to_vec()]);
    assert_eq!((scanned(&site, "in-part"), scanned(&site, "passed")), (1, 0));
    // Of a relayed message, too, also where each of its parts is short enough.
    let said = envelope("<done xmlns=\"urn:example:bulk\"/>");
    for (n, message) in (1..).zip([Way::Swa.message(set.csv().as_bytes()), padded(&call(), 2_000)]) {
        let cloud = cloud(answer("200 OK", "text/xml", &said));
        let scanner = scanner(clamd.address, 1_000, Beyond::ScanBeginning);
        let site = Site::with(Arrangement { scanner, upstream: cloud.url.clone(), ..Arrangement::default() });
        assert_eq!(site.client().ask(message.to("/relay")).status, 200, "{n}");
        assert_eq!((scanned(&site, "in-part"), scanned(&site, "passed")), (1, 0), "{n}");
    }
}

/// The same message with a long comment behind its body.
fn padded(message: &Message, length: usize) -> Message {
    let text = String::from_utf8(message.body.clone()).unwrap();
    Message::soap11(&text.replace("</e:Envelope>", &format!("<!--{}--></e:Envelope>", " ".repeat(length))))
}

#[test]
fn an_envelope_without_records_is_not_scanned() {
    let clamd = Clamd::start();
    let scanner = scanner(clamd.address, 1_000, Beyond::Refuse);
    let site = Site::with(Arrangement { scanner, ..Arrangement::default() });
    let set = RecordSet::many_orders(2).csv();
    let long = |body: &str| padded(&Message::soap11(&envelope(body)), 100_000).body;
    let content_type = "multipart/related; boundary=\"cut\"; type=\"text/xml\"; start=\"<root@test>\"";
    let root = "Content-Type: text/xml; charset=UTF-8\r\nContent-ID: <root@test>\r\n";
    let empty = long("");
    let message = package(content_type, &[(root, &empty), ("Content-Type: text/csv\r\n", set.as_bytes())]);
    site.client().ask(message.to("/orders")).receipt();
    assert_eq!(clamd.given(), [set.into_bytes()]);
    let asked = long("<g:heartbeat xmlns:g=\"urn:sekisho:gateway:1\"/>");
    let message = package(content_type, &[(root, &asked)]);
    assert_eq!(site.client().ask(message.to("/orders")).status, 200);
    assert!(clamd.given().is_empty());
}

/// The relay route splits what has more than two records.
fn splits(route: &mut Route) {
    if let Mode::Relay { split, .. } = &mut route.mode {
        *split = Some(Split {
            above_records: 2,
            pass_bytes: 100_000,
            deadline: DEADLINE,
            signed: Signed::Pass,
            merged: true,
            plan: Digest::of(b"{}"),
            mapping: Digest::of(b"mapping"),
        });
    }
}

#[test]
fn a_message_that_is_split_is_scanned_once() {
    let clamd = Clamd::start();
    let scanner = scanner(clamd.address, 1 << 20, Beyond::Refuse);
    let site = Site::with(Arrangement { scanner, edit: splits, ..Arrangement::default() });
    let orders = RecordSet::many_orders(3).elements();
    let message =
        Message::soap11(&envelope(&format!("<b:orders xmlns:b=\"urn:example:bulk\">{orders}</b:orders>")));
    let message = message.with("Prefer", "wait=0");
    assert_eq!(site.client().ask(message.to("/relay")).refused().code, "relay-unfinished");
    assert_eq!(site.batches().len(), 1);
    assert_eq!(clamd.given(), [message.body]);
    assert_eq!(scanned(&site, "passed"), 1);
}

#[test]
fn nothing_is_acknowledged_or_sealed_before_the_verdict() {
    let (tell, gate) = mpsc::channel();
    let clamd = Clamd::gated(Some(gate));
    let site = site(&clamd);
    let mut client = site.client();
    client.send(Way::Swa.request("/orders", &RecordSet::many_orders(3)));
    until("the scanner has all of it", || !clamd.given.lock().unwrap().is_empty());
    assert!(site.batches().is_empty(), "nothing is in the ledger");
    tell.send(()).unwrap();
    client.answer().receipt();
    assert_eq!(site.batches().len(), 1);
}

#[test]
fn a_relayed_message_is_scanned_whole_before_the_first_byte_is_sent_on() {
    let said = envelope("<done xmlns=\"urn:example:bulk\"/>");
    let (tell, gate) = mpsc::channel();
    let (clamd, cloud) = (Clamd::gated(Some(gate)), cloud(answer("200 OK", "text/xml", &said)));
    let site = relay(&clamd, &cloud);
    let mut client = site.client();
    client.send(call().to("/relay"));
    until("the scanner has all of it", || !clamd.given.lock().unwrap().is_empty());
    assert!(cloud.received.try_recv().is_err(), "nothing was sent on");
    tell.send(()).unwrap();
    assert_eq!(client.answer().status, 200);
    assert!(cloud.received.recv_timeout(DEADLINE).is_ok());
    assert_eq!(clamd.given(), [call().body]);
    assert_eq!(scanned(&site, "passed"), 1);
}

#[test]
fn what_is_found_in_a_relayed_message_is_not_sent_on() {
    let said = envelope("<done xmlns=\"urn:example:bulk\"/>");
    let (clamd, cloud) = (Clamd::start(), cloud(answer("200 OK", "text/xml", &said)));
    let site = relay(&clamd, &cloud);
    for way in [Way::Swa, Way::SoapXml, Way::SoapBase64] {
        let found = site.client().ask(way.request("/relay", &infected()));
        assert_eq!((found.status, found.refused().code.as_str()), (500, "content-infected"), "{way:?}");
    }
    // In what nobody reads, too.
    let text = String::from_utf8(call().body).unwrap();
    let hidden = text.replace("<e:Body>", &format!("<e:Body><!--{CANARY}-->"));
    let found = site.client().ask(Message::soap11(&hidden).to("/relay"));
    assert_eq!(found.refused().code, "content-infected");
    assert!(cloud.received.recv_timeout(Duration::ZERO).is_err(), "nothing was sent on");
    // A package passes when all of it is clean: the payload as it is decoded, then the message as it is sent.
    clamd.given();
    let message = Way::Swa.message(RecordSet::many_orders(3).csv().as_bytes());
    assert_eq!(site.client().ask(message.to("/relay")).status, 200);
    assert_eq!(clamd.given(), [RecordSet::many_orders(3).csv().into_bytes(), message.body]);
}
