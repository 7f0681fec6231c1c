//! A scanner, and one content on its way to it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::clamd::{self, InStream, Ping};
use crate::icap::{AskOptions, Options, ReqMod, Service};
use crate::places::Places;
use crate::shell::{Patience, Piece, Stream, connect, converse};
use crate::standing::Standing;
use crate::{Address, Beyond, Kind, ScanError, Settings, Talk, Verdict};

/// Pieces that may wait for the scanner: who reads the content waits beyond that.
const WAITING: usize = 4;
/// How long a service's options hold where it does not say.
const LIFETIME: Duration = Duration::from_secs(3_600);

/// What is scanned to see whether a scanner does scan.
const TRIAL: &[u8] = b"sekisho";

/// A scanner that may be asked by many at once; a connection for each content.
#[derive(Debug, Clone)]
pub struct Scanner(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: Settings,
    /// What the ICAP service last said of itself, and until when that holds.
    options: Mutex<Option<(Options, Instant)>>,
    /// Of the contents that it has at once.
    places: Places,
    standing: Standing,
}

impl Scanner {
    /// A scanner; nothing is connected to before it is asked.
    pub fn new(settings: Settings) -> Self {
        let places = Places::new(settings.at_once);
        Self(Arc::new(Inner { settings, options: Mutex::default(), places, standing: Standing::default() }))
    }

    /// Where it is and what is expected of it.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Begins a content of somebody's (a name of the configuration), which waits for its place. Must be called where a tokio runtime is
    /// at hand, as on a thread of its own for what blocks.
    ///
    /// A scanner that did not answer when it was last looked at ([`Self::check_within`]), or that has let a content hang since, is not
    /// asked before it does: the content's last word is [`ScanError::Down`]. Whoever waited for one that hangs would have a thread and a
    /// place that others need.
    pub fn begin(&self, owner: &str) -> Content {
        let (pieces, given) = mpsc::channel(WAITING);
        let Settings { most, beyond, .. } = self.0.settings;
        let content = Content { pieces, told: None, said: None, given: 0, most, beyond, ended: false };
        if self.0.standing.is_down() {
            return Content { said: Some(Err(ScanError::Down)), ..content };
        }
        let (mut tell, told) = oneshot::channel();
        let (scanner, owner) = (self.clone(), owner.to_owned());
        tokio::spawn(async move {
            tokio::select! {
                // Nobody wants to know any more.
                () = tell.closed() => {}
                outcome = scanner.scan_in_turn(&owner, given) => drop(tell.send(outcome)),
            }
        });
        Content { told: Some(told), ..content }
    }

    /// Whether it is there and does what it is asked: `PING` of clamd, `OPTIONS` of ICAP; and, once it has let a content hang, whether it
    /// scans a few bytes, as one that hangs may say that it is there.
    ///
    /// # Errors
    /// Why it is not.
    pub async fn check(&self) -> Result<(), ScanError> {
        self.check_within(self.0.settings.answer).await
    }

    /// [`Self::check`], with no more time than this. What comes of it holds for every content that begins until the next one.
    ///
    /// # Errors
    /// Why it is not there.
    pub async fn check_within(&self, patience: Duration) -> Result<(), ScanError> {
        self.look(patience).await.0
    }

    /// Looks whether it is there, and whether that holds.
    async fn look(&self, patience: Duration) -> (Result<(), ScanError>, bool) {
        let standing = &self.0.standing;
        let hung = standing.hung();
        let looking = async {
            self.is_there().await?;
            if hung == 0 { Ok(()) } else { self.try_a_scan().await }
        };
        let there = timeout(patience, looking).await.unwrap_or(Err(ScanError::Silent(patience)));
        let holds = standing.looked(there.is_ok(), hung);
        (there, holds)
    }

    /// A content hangs: whether it was that content alone is found out at once, not with the next look.
    fn hangs(&self, how: ScanError) {
        if !self.0.standing.hangs(how) {
            return;
        }
        let scanner = self.clone();
        tokio::spawn(async move {
            // Again where others have hung meanwhile; who is found down is left to the looks that come by themselves.
            while let (Ok(()), false) = scanner.look(scanner.0.settings.stall).await {}
            scanner.0.standing.looked_enough();
        });
    }

    /// How a content was left hanging, since this was last asked, or since it was last seen to scan: what shows that it is down before the next look does.
    pub fn take_evidence(&self) -> Option<ScanError> {
        self.0.standing.take_evidence()
    }

    async fn is_there(&self) -> Result<(), ScanError> {
        match &self.0.settings.kind {
            Kind::Clamd => {
                self.ask(clamd::PING, Ping::default(), |ping, bytes| {
                    ping.read(bytes).map(|whole| whole.then_some(()))
                })
                .await
            }
            Kind::Icap { service } => self.ask_options(service).await.map(drop),
        }
    }

    /// Scans a few bytes, beside those that have places: whatever its verdict is, it has one.
    async fn try_a_scan(&self) -> Result<(), ScanError> {
        let (pieces, mut given) = mpsc::channel(2);
        for piece in [Piece::Data(Bytes::from_static(TRIAL)), Piece::End] {
            // There is room for both.
            let _ = pieces.try_send(piece);
        }
        self.scan(&mut given).await.map(drop)
    }

    /// Scans once there is a place, and notes whether it hangs.
    async fn scan_in_turn(
        &self,
        owner: &str,
        mut pieces: mpsc::Receiver<Piece>,
    ) -> Result<Verdict, ScanError> {
        let _place = self.0.places.wait(owner, self.0.settings.wait).await?;
        // What others have found out meanwhile need not be found out again.
        if self.0.standing.is_down() {
            return Err(ScanError::Down);
        }
        let outcome = self.scan(&mut pieces).await;
        if let Err(error) = &outcome
            && error.is_of_hanging()
        {
            self.hangs(error.clone());
        }
        outcome
    }

    async fn scan(&self, pieces: &mut mpsc::Receiver<Piece>) -> Result<Verdict, ScanError> {
        let settings = &self.0.settings;
        let mut talk = match &settings.kind {
            Kind::Clamd => Talk::Clamd(InStream::default()),
            Kind::Icap { service } => {
                let options = match self.known_options() {
                    Some(options) => options,
                    None => self.ask_options(service).await?,
                };
                Talk::Icap(Box::new(ReqMod::new(self.service(service), Some(&options))))
            }
        };
        let stream = self.connect().await?;
        let patience = Patience { stall: settings.stall, answer: settings.answer };
        let outcome = converse(stream, &mut talk, pieces, patience).await;
        if let Talk::Icap(talk) = &talk {
            self.forget_options_of_before(talk.tag());
        }
        outcome
    }

    async fn connect(&self) -> Result<Box<dyn Stream>, ScanError> {
        connect(&self.0.settings.address, self.0.settings.connect).await
    }

    fn service(&self, path: &str) -> Service {
        let host = match &self.0.settings.address {
            Address::Tcp(address) => address.to_string(),
            Address::Unix(_) => "localhost".to_owned(),
        };
        Service { host, path: path.to_owned() }
    }

    fn known_options(&self) -> Option<Options> {
        let options = self.0.options.lock().unwrap_or_else(PoisonError::into_inner);
        options.as_ref().filter(|(_, until)| Instant::now() < *until).map(|(options, _)| options.clone())
    }

    /// A service with another tag may have other options (RFC 3507 section 4.7).
    fn forget_options_of_before(&self, tag: Option<&str>) {
        let mut options = self.0.options.lock().unwrap_or_else(PoisonError::into_inner);
        let differs = |(options, _): &mut (Options, Instant)| tag.is_some() && options.tag.as_deref() != tag;
        options.take_if(differs);
    }

    async fn ask_options(&self, service: &str) -> Result<Options, ScanError> {
        let question = AskOptions::question(&self.service(service));
        let options = self.ask(&question, AskOptions::default(), AskOptions::read).await?;
        let lifetime =
            options.lifetime.map_or(LIFETIME, |seconds| Duration::from_secs(seconds).min(LIFETIME));
        let mut known = self.0.options.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Some((options.clone(), Instant::now() + lifetime));
        Ok(options)
    }

    /// Asks one question on a connection of its own.
    async fn ask<A, T>(
        &self,
        question: &[u8],
        mut answer: A,
        mut read: impl FnMut(&mut A, &[u8]) -> Result<Option<T>, ScanError>,
    ) -> Result<T, ScanError> {
        let mut stream = self.connect().await?;
        let broken = |error: std::io::Error| ScanError::Broken(error.kind());
        let asking = async {
            stream.write_all(question).await.map_err(broken)?;
            let mut bytes = [0; 4096];
            loop {
                match stream.read(&mut bytes).await.map_err(broken)? {
                    0 => return Err(ScanError::Broken(std::io::ErrorKind::UnexpectedEof)),
                    n => {
                        if let Some(told) = read(&mut answer, &bytes[..n])? {
                            return Ok(told);
                        }
                    }
                }
            }
        };
        let patience = self.0.settings.answer.min(self.0.settings.stall);
        timeout(patience, asking).await.unwrap_or(Err(ScanError::Silent(patience)))
    }
}

/// One content on its way to a scanner, for a thread that may block. Dropped before its end it is given up.
#[derive(Debug)]
pub struct Content {
    pieces: mpsc::Sender<Piece>,
    /// Absent once the verdict was told.
    told: Option<oneshot::Receiver<Result<Verdict, ScanError>>>,
    /// The last word, once it was said: nothing that is given after it makes it another one, but that there is too much.
    said: Option<Result<Verdict, ScanError>>,
    given: u64,
    most: u64,
    beyond: Beyond,
    ended: bool,
}

impl Content {
    /// Gives bytes on; waits while the scanner is behind. Answers the last word, now and ever after, where the content does not pass;
    /// where the scanner has let it pass by its beginning, the rest is counted all the same.
    pub fn give(&mut self, bytes: &[u8]) -> Option<Result<Verdict, ScanError>> {
        let room = usize::try_from(self.most.saturating_sub(self.given)).unwrap_or(usize::MAX);
        self.given = self.given.saturating_add(bytes.len() as u64);
        if self.beyond == Beyond::Refuse && bytes.len() > room && self.passes() {
            self.told = None;
            self.said = Some(Err(ScanError::TooLong { most: self.most }));
        }
        let scanned = &bytes[..bytes.len().min(room)];
        for piece in scanned.chunks(Talk::PIECE) {
            if self.said.is_some() {
                break;
            }
            if self.pieces.blocking_send(Piece::Data(Bytes::copy_from_slice(piece))).is_err() {
                // What it is, is kept.
                let _ = self.last_word();
            }
        }
        if scanned.len() < bytes.len() {
            // It need not wait for the rest.
            self.end();
        }
        self.said.clone().filter(|_| !self.passes())
    }

    /// Whether nothing is known against it.
    fn passes(&self) -> bool {
        matches!(self.said, None | Some(Ok(Verdict::Clean | Verdict::CleanInPart)))
    }

    fn end(&mut self) {
        if !std::mem::replace(&mut self.ended, true) && self.said.is_none() {
            // Where nobody listens any more, the last word has been said.
            let _ = self.pieces.blocking_send(Piece::End);
        }
    }

    /// Tells the end, and waits for the verdict.
    ///
    /// # Errors
    /// Why there is none.
    pub fn finish(mut self) -> Result<Verdict, ScanError> {
        self.end();
        match self.last_word() {
            Ok(Verdict::Clean) if self.given > self.most => Ok(Verdict::CleanInPart),
            said => said,
        }
    }

    fn last_word(&mut self) -> Result<Verdict, ScanError> {
        if let Some(said) = &self.said {
            return said.clone();
        }
        let told = self.told.take().map(oneshot::Receiver::blocking_recv);
        let said = told.and_then(Result::ok).unwrap_or(Err(ScanError::GivenUp));
        self.said.insert(said).clone()
    }
}
