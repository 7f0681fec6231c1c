//! A cloud that takes rows by SOAP and answers for each; it can be made to wait, to cut and to refuse.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

use crate::wire::PATIENCE;

/// A request as it came.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) head: String,
    pub(super) body: String,
}

impl Call {
    /// The ids of its rows, in their order.
    pub(super) fn ids(&self) -> Vec<String> {
        texts(&self.body, "Id")
    }

    /// The text of a header block.
    pub(super) fn block(&self, name: &str) -> Option<String> {
        let (_, rest) = self.body.split_once(&format!("<h:{name} "))?;
        Some(rest.split_once('>')?.1.split('<').next()?.to_owned())
    }
}

/// The texts of all elements of this name, whatever their prefix.
pub(super) fn texts(document: &str, name: &str) -> Vec<String> {
    let ends = [format!("<{name}>"), format!(":{name}>")];
    let mut found = Vec::new();
    for piece in document.split('<').filter(|piece| !piece.starts_with('/')) {
        if let Some((tag, text)) = piece.split_once('>') {
            let tag = format!("<{}>", tag.split(' ').next().unwrap());
            if ends.iter().any(|end| tag.ends_with(end.as_str())) {
                found.push(text.to_owned());
            }
        }
    }
    found
}

/// What becomes of calls.
#[derive(Debug, Default)]
struct State {
    calls: Vec<Call>,
    /// How often each row was written.
    written: BTreeMap<String, u32>,
    /// Calls with this number (from 0) and all behind it wait.
    held_from: Option<usize>,
    /// Calls with these numbers are done and then cut.
    cut: Vec<usize>,
    /// Rows with these ids are refused.
    refused: Vec<String>,
}

/// A running cloud; its threads end with the test.
#[derive(Clone)]
pub(super) struct Cloud {
    pub(super) address: SocketAddr,
    state: Arc<(Mutex<State>, Condvar)>,
}

impl Cloud {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let cloud = Self { address: listener.local_addr().unwrap(), state: Arc::default() };
        let serving = cloud.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let cloud = serving.clone();
                std::thread::spawn(move || while cloud.serve(&stream).is_some() {});
            }
        });
        cloud
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state.0.lock().unwrap());
        self.state.1.notify_all();
        result
    }

    /// The call of this number and those behind it wait until they are let go.
    pub(super) fn hold_from(&self, call: usize) {
        self.with(|state| state.held_from = Some(call));
    }

    pub(super) fn let_go(&self) {
        self.with(|state| state.held_from = None);
    }

    /// The call of this number is done, and nobody hears of it.
    pub(super) fn cut(&self, call: usize) {
        self.with(|state| state.cut.push(call));
    }

    pub(super) fn refuse(&self, ids: &[&str]) {
        self.with(|state| state.refused = ids.iter().map(|id| (*id).to_owned()).collect());
    }

    pub(super) fn calls(&self) -> Vec<Call> {
        self.with(|state| state.calls.clone())
    }

    /// How often each row was written.
    pub(super) fn written(&self) -> BTreeMap<String, u32> {
        self.with(|state| state.written.clone())
    }

    /// Waits until so many calls have come.
    pub(super) fn wait_for_calls(&self, count: usize) {
        let (state, changed) = &*self.state;
        let waited =
            changed.wait_timeout_while(state.lock().unwrap(), PATIENCE, |state| state.calls.len() < count);
        let (state, result) = waited.unwrap();
        assert!(!result.timed_out(), "only {} calls", state.calls.len());
    }

    fn serve(&self, stream: &TcpStream) -> Option<()> {
        let call = read(stream)?;
        if !call.head.starts_with("POST ") {
            // The gateway looks whether the cloud is there.
            let mut stream = stream;
            return stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").ok();
        }
        let number = self.with(|state| {
            state.calls.push(call.clone());
            state.calls.len() - 1
        });
        let (state, changed) = &*self.state;
        let held = |state: &mut State| state.held_from.is_some_and(|from| from <= number);
        let (mut state, _) = changed.wait_timeout_while(state.lock().unwrap(), PATIENCE, held).unwrap();
        let mut results = String::new();
        let mut taken = 0;
        for id in call.ids() {
            if state.refused.contains(&id) {
                results.push_str(&format!(
                    "<c:result><c:key>{id}</c:key><c:success>false</c:success><c:error><c:code>BAD_VALUE</c:code>\
                     <c:message>{id} is &lt;bad&gt;</c:message></c:error></c:result>"
                ));
            } else {
                *state.written.entry(id.clone()).or_default() += 1;
                taken += 1;
                let own = format!("id-{id}");
                results.push_str(&format!(
                    "<c:result><c:key>{id}</c:key><c:success>true</c:success><x:made xmlns:x=\"urn:x\" x:by=\"{own}\"/></c:result>"
                ));
            }
        }
        if state.cut.contains(&number) {
            return None;
        }
        drop(state);
        let relates_to = call.block("MessageID").map(|id| {
            format!(
                "<s:Header><a:RelatesTo xmlns:a=\"http://www.w3.org/2005/08/addressing\">{id}</a:RelatesTo></s:Header>"
            )
        });
        let body = format!(
            "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\">{}<s:Body><c:putResponse \
             xmlns:c=\"urn:cloud\"><c:taken>{taken}</c:taken>{results}</c:putResponse></s:Body></s:Envelope>",
            relates_to.unwrap_or_default()
        );
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=utf-8\r\n";
        let mut stream = stream;
        stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).ok()
    }
}

fn read(stream: &TcpStream) -> Option<Call> {
    let mut reader = BufReader::with_capacity(1, stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = head.to_ascii_lowercase().lines().find_map(|line| {
        line.strip_prefix("content-length:").map(|length| length.trim().parse::<usize>().unwrap())
    });
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(Call { head, body: String::from_utf8(body).unwrap() })
}
