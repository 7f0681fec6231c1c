//! The shell around a talk: scanners that are slow, silent, gone or mistaken.
#![allow(clippy::unwrap_used)] // a test says so by failing

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sekisho_scan::{Address, Beyond, Kind, ScanError, Scanner, Settings, Signature, Verdict};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Longer than any machine stalls.
const LONG: Duration = Duration::from_secs(60);

fn settings(address: SocketAddr) -> Settings {
    Settings {
        name: "av".to_owned(),
        kind: Kind::Clamd,
        address: Address::Tcp(address),
        connect: LONG,
        at_once: 10,
        wait: LONG,
        stall: LONG,
        answer: LONG,
        most: 1 << 30,
        beyond: Beyond::Refuse,
    }
}

/// A scanner whose connections are served so.
async fn fake<F>(serve: impl Fn(TcpStream) -> F + Send + 'static, edit: impl FnOnce(&mut Settings)) -> Scanner
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings = settings(listener.local_addr().unwrap());
    edit(&mut settings);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    Scanner::new(settings)
}

/// Content as a reader gives it, and what is said of it.
async fn scanned(scanner: &Scanner, pieces: &[Vec<u8>]) -> Result<Verdict, ScanError> {
    let (scanner, pieces) = (scanner.clone(), pieces.to_vec());
    let scanning = tokio::task::spawn_blocking(move || {
        let mut content = scanner.begin("city");
        for piece in &pieces {
            if let Some(last_word) = content.give(piece) {
                return last_word;
            }
        }
        content.finish()
    });
    scanning.await.unwrap()
}

/// Reads what clamd would, to its end; how many bytes the content has.
async fn read_stream(stream: &mut TcpStream) -> usize {
    let mut command = [0; 10];
    stream.read_exact(&mut command).await.unwrap();
    assert_eq!(&command, b"zINSTREAM\0");
    let mut whole = 0;
    loop {
        let length = stream.read_u32().await.unwrap() as usize;
        if length == 0 {
            return whole;
        }
        stream.read_exact(&mut vec![0; length]).await.unwrap();
        whole += length;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn content_goes_by_in_pieces_and_the_verdict_comes_back() {
    let serve = |mut stream: TcpStream| async move {
        let whole = read_stream(&mut stream).await;
        let answer = if whole == 300_000 { "stream: OK\0" } else { "stream: Other.Length FOUND\0" };
        stream.write_all(answer.as_bytes()).await.unwrap();
    };
    let scanner = fake(serve, |_| {}).await;
    let pieces = [vec![b'x'; 100_000], Vec::new(), vec![b'y'; 200_000]];
    assert_eq!(scanned(&scanner, &pieces).await, Ok(Verdict::Clean));
    let found = Verdict::Found(Signature::new(b"Other.Length"));
    assert_eq!(scanned(&scanner, &pieces[..1]).await, Ok(found.clone()));
    assert_eq!(scanned(&scanner, &[]).await, Ok(found));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_longer_than_it_is_given_is_refused_or_scanned_in_its_beginning() {
    let serve = |mut stream: TcpStream| async move {
        // One that is given up ends in the middle.
        let mut command = [0; 10];
        stream.read_exact(&mut command).await.unwrap();
        let mut whole = 0;
        loop {
            match stream.read_u32().await {
                Err(_) => return,
                Ok(0) => break,
                Ok(length) => {
                    stream.read_exact(&mut vec![0; length as usize]).await.unwrap();
                    whole += length;
                }
            }
        }
        let answer = if whole == 1_000 { "stream: OK\0" } else { "stream: Other.Length FOUND\0" };
        stream.write_all(answer.as_bytes()).await.unwrap();
    };
    let pieces = [vec![b'x'; 999], vec![b'x'; 2], vec![b'x'; 5_000]];
    let refusing = fake(serve, |settings| settings.most = 1_000).await;
    let too_long = ScanError::TooLong { most: 1_000 };
    assert_eq!(scanned(&refusing, &pieces).await, Err(too_long.clone()));
    assert_eq!(scanned(&refusing, &[vec![b'x'; 1_000]]).await, Ok(Verdict::Clean));
    assert!(too_long.is_of_content());
    let lenient = fake(serve, |settings| {
        settings.most = 1_000;
        settings.beyond = Beyond::ScanBeginning;
    })
    .await;
    assert_eq!(scanned(&lenient, &pieces).await, Ok(Verdict::CleanInPart));
    assert_eq!(scanned(&lenient, &[vec![b'x'; 1_000]]).await, Ok(Verdict::Clean));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_find_stops_the_reader_before_its_end() {
    let serve = |mut stream: TcpStream| async move {
        let mut command = [0; 10];
        stream.read_exact(&mut command).await.unwrap();
        stream.write_all(b"stream: Early.Find FOUND\0").await.unwrap();
        // It reads on, so that nothing breaks.
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    };
    let scanner = fake(serve, |_| {}).await;
    let endless: Vec<Vec<u8>> = vec![vec![b'x'; 50_000]; 400];
    let found = Verdict::Found(Signature::new(b"Early.Find"));
    assert_eq!(scanned(&scanner, &endless).await, Ok(found));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scanner_that_does_not_say_that_it_is_clean_has_not_said_so() {
    let content = [vec![b'x'; 1_000]];
    // Gone.
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let gone = Scanner::new(settings(nobody));
    let refused = ScanError::Unreachable(io::ErrorKind::ConnectionRefused);
    assert_eq!(scanned(&gone, &content).await, Err(refused.clone()));
    assert_eq!(gone.check().await, Err(refused));
    // A socket that is not there.
    let unix = Settings { address: Address::Unix("/nowhere/clamd".into()), ..settings(nobody) };
    let missing = ScanError::Unreachable(io::ErrorKind::NotFound);
    assert_eq!(scanned(&Scanner::new(unix), &content).await, Err(missing));
    // It closes without a word.
    let mute = fake(
        |mut stream: TcpStream| async move { assert_eq!(read_stream(&mut stream).await, 1_000) },
        |_| {},
    )
    .await;
    assert_eq!(scanned(&mute, &content).await, Err(ScanError::Broken(io::ErrorKind::UnexpectedEof)));
    // It says half of it.
    let half = |mut stream: TcpStream| async move {
        read_stream(&mut stream).await;
        stream.write_all(b"stream: O").await.unwrap();
    };
    let half = fake(half, |_| {}).await;
    assert_eq!(scanned(&half, &content).await, Err(ScanError::Broken(io::ErrorKind::UnexpectedEof)));
    // It speaks of something else.
    let other = |mut stream: TcpStream| async move {
        read_stream(&mut stream).await;
        stream.write_all(b"stream: Can't open file or directory ERROR\0").await.unwrap();
    };
    assert_eq!(scanned(&fake(other, |_| {}).await, &content).await, Err(ScanError::Failed));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_has_an_end() {
    let soon = Duration::from_millis(50);
    let silent = |mut stream: TcpStream| async move {
        read_stream(&mut stream).await;
        std::future::pending::<()>().await;
    };
    let scanner = fake(silent, |settings| settings.answer = soon).await;
    assert_eq!(scanned(&scanner, &[b"x".to_vec()]).await, Err(ScanError::Silent(soon)));
    assert!(!ScanError::Silent(soon).is_of_content());
    // It takes nothing: more is sent than sockets hold.
    let stuck = |stream: TcpStream| async move {
        let _stream = stream;
        std::future::pending::<()>().await;
    };
    let scanner = fake(stuck, |settings| settings.stall = soon).await;
    let much = vec![vec![b'x'; 1 << 20]; 64];
    assert_eq!(scanned(&scanner, &much).await, Err(ScanError::Silent(soon)));
    // Nor does it say that it is there.
    let scanner = fake(stuck, |settings| settings.answer = soon).await;
    assert_eq!(scanner.check().await, Err(ScanError::Silent(soon)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn content_that_is_given_up_is_given_up_at_the_scanner() {
    let (tell, mut told) = tokio::sync::mpsc::channel(1);
    let serve = move |mut stream: TcpStream| {
        let tell = tell.clone();
        async move {
            let whole = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
            tell.send(whole.is_ok()).await.unwrap();
        }
    };
    let scanner = fake(serve, |_| {}).await;
    let giving_up = tokio::task::spawn_blocking(move || {
        let mut content = scanner.begin("city");
        for _ in 0..100 {
            assert_eq!(content.give(&[b'x'; 10_000]), None);
        }
    });
    giving_up.await.unwrap();
    // The connection ended; whether by an end or a reset is the system's.
    assert!(told.recv().await.is_some());
}

/// An ICAP server that wants a preview of four bytes, and asks for nothing behind it.
async fn hasty(mut stream: TcpStream) {
    let mut head = Vec::new();
    let preview_ends = |head: &[u8]| head.ends_with(b"\r\n0\r\n\r\n");
    while !(preview_ends(&head) || head.starts_with(b"OPTIONS") && head.ends_with(b"\r\n\r\n")) {
        head.push(stream.read_u8().await.unwrap());
    }
    let answer = match head.starts_with(b"OPTIONS") {
        true => "ICAP/1.0 200 OK\r\nMethods: REQMOD\r\nPreview: 4\r\n\r\n",
        false => "ICAP/1.0 204 No\r\n\r\n",
    };
    stream.write_all(answer.as_bytes()).await.unwrap();
    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_seen_a_preview_has_not_seen_how_much_follows() {
    let scanner = fake(hasty, |settings| {
        settings.kind = Kind::Icap { service: "/scan".to_owned() };
        settings.most = 100_000;
    })
    .await;
    let piece = vec![b'x'; 1_000];
    assert_eq!(scanned(&scanner, std::slice::from_ref(&piece)).await, Ok(Verdict::CleanInPart));
    assert_eq!(scanned(&scanner, &vec![piece.clone(); 100]).await, Ok(Verdict::CleanInPart));
    let too_long = Err(ScanError::TooLong { most: 100_000 });
    assert_eq!(scanned(&scanner, &vec![piece; 101]).await, too_long);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_word_is_the_last_whatever_comes_after_it() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let refused = Err(ScanError::Unreachable(io::ErrorKind::ConnectionRefused));
    let gone = Scanner::new(settings(nobody));
    let giving = tokio::task::spawn_blocking(move || {
        let mut content = gone.begin("city");
        while content.give(b"x").is_none() {}
        (content.give(b"x"), content.give(b""), content.finish())
    });
    assert_eq!(giving.await.unwrap(), (Some(refused.clone()), Some(refused.clone()), refused));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_a_scanner_that_is_known_to_be_down() {
    let hangs = Arc::new(AtomicBool::new(true));
    let serving = Arc::clone(&hangs);
    let serve = move |mut stream: TcpStream| {
        let hangs = Arc::clone(&serving);
        async move {
            if hangs.load(Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            let mut command = [0; 6];
            stream.read_exact(&mut command).await.unwrap();
            let answer = if &command == b"zPING\0" { "PONG\0" } else { "stream: One.Is.Asked FOUND\0" };
            stream.write_all(answer.as_bytes()).await.unwrap();
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
        }
    };
    let scanner = fake(serve, |_| {}).await;
    let soon = Duration::from_millis(50);
    assert_eq!(scanner.check_within(soon).await, Err(ScanError::Silent(soon)));
    // It would be waited for a minute.
    assert_eq!(scanned(&scanner, &[b"x".to_vec()]).await, Err(ScanError::Down));
    assert_eq!(scanned(&scanner, &[]).await, Err(ScanError::Down));
    hangs.store(false, Ordering::SeqCst);
    assert_eq!(scanner.check().await, Ok(()));
    let asked = Verdict::Found(Signature::new(b"One.Is.Asked"));
    assert_eq!(scanned(&scanner, &[b"x".to_vec()]).await, Ok(asked));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_in_drops_has_an_end() {
    // A line of its head every now and then, for ever: none of them is a silence.
    let dropping = |mut stream: TcpStream| async move {
        let options = b"ICAP/1.0 200 OK\r\nMethods: REQMOD\r\nOptions-TTL: 3600\r\n\r\n";
        let mut first = [0; 7];
        stream.read_exact(&mut first).await.unwrap();
        if &first == b"OPTIONS" {
            stream.write_all(options).await.unwrap();
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
            return;
        }
        let (mut from, mut to) = stream.split();
        let mut nowhere = tokio::io::sink();
        let reading = tokio::io::copy(&mut from, &mut nowhere);
        let mut now_and_then = tokio::time::interval(Duration::from_millis(20));
        let saying = async {
            to.write_all(b"ICAP/1.0 200 OK\r\nEncapsulated: req-body=0\r\n\r\n0\r\n").await?;
            loop {
                now_and_then.tick().await;
                to.write_all(b"a\r\n").await?;
            }
            #[allow(unreachable_code)] // the type of its errors
            io::Result::Ok(())
        };
        let _ = tokio::join!(reading, saying);
    };
    let patience = Duration::from_secs(1);
    let scanner = fake(dropping, |settings| {
        settings.kind = Kind::Icap { service: "/scan".to_owned() };
        settings.answer = patience;
    })
    .await;
    assert_eq!(scanned(&scanner, &[]).await, Err(ScanError::Silent(patience)));
}
