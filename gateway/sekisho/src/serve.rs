//! `sekisho serve`: wiring, signals, reload, shutdown. And `check-config`, which stops before the wiring.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use arc_swap::ArcSwap;
use prometheus::Registry;
use sekisho_delivery::{Delivery, DeliveryHandle};
use sekisho_edge::admin::{Admin, Operators};
use sekisho_edge::gateway::now_millis;
use sekisho_edge::route::Routes;
use sekisho_edge::{Gateway, Listener, Service, Tls};
use sekisho_exchanges::ExchangeLog;
#[cfg(feature = "failpoints")]
use sekisho_journal::failpoints::{self, Point};
use sekisho_journal::{Encryption, Ledger, Retention, Spool, recover};
use sekisho_liveness::{Board, Prober};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::certificates::{self, Guard};
use crate::cli::ConfigArgs;
use crate::config::raw::{LogFormat, LogSection};
use crate::config::{self, Effective, Mistake, Raw, words};
use crate::language::{Language, Said, text};
use crate::process::Process;
use crate::sandbox::{Reach, Sandbox};
use crate::space::Shown;
use crate::weakened::Weakened;
use crate::{data_keys, descriptors, exchanges, probes, purge};

/// `sekisho check-config`.
pub(crate) fn check(args: &ConfigArgs, language: Language) -> ExitCode {
    let mut out = std::io::stdout();
    let file = args.config.display();
    // What cannot be written to a closed pipe is not missed by anyone.
    match config::load(&args.config) {
        Ok((_, effective)) => {
            let (listeners, upstreams) = (effective.listeners.len(), effective.upstreams.len());
            let text = text!(
                "{file}: no mistakes; listeners: {listeners}, upstreams: {upstreams}",
                "{file}: 誤りはありません。listener：{listeners}、upstream：{upstreams}"
            );
            let _ = writeln!(out, "{}", text.in_language(language));
            ExitCode::SUCCESS
        }
        Err(mistakes) => {
            let _ = writeln!(out, "{}", listed(&mistakes, language));
            ExitCode::from(1)
        }
    }
}

/// Threads that read and write files beside those of bodies that are read.
pub(crate) const THREADS_FOR_FILES: usize = 64;

/// `sekisho serve`.
pub(crate) fn run(args: &ConfigArgs, language: Language) -> anyhow::Result<ExitCode> {
    let (raw, effective) =
        config::load(&args.config).map_err(|mistakes| anyhow::anyhow!(listed(&mistakes, language)))?;
    log_to_stderr(&raw.log);
    #[cfg(feature = "failpoints")]
    failpoints::check()?;
    descriptors::fit(&effective, descriptors::raise())?;
    // How many processors there are is asked for in files that the sandbox does not have.
    let processors = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    make_folder(&effective.state)?;
    if let Some(encryption) = &effective.encryption {
        data_keys::make_folder(encryption)?;
    }
    if let Some(exchanges) = &effective.exchanges {
        exchanges::make_folder(exchanges)?;
    }
    // Files of its own that the sandbox does not have either.
    let process = Process::open();
    let sandbox = Sandbox::enter(Reach::of(&args.config, &raw), raw.sandbox.missing_parts)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(processors.min(8))
        // One for each body that is read at once, and others for files that are read on the way out.
        .max_blocking_threads(effective.admission.uploads + THREADS_FOR_FILES)
        .thread_stack_size(512 * 1024)
        .enable_all()
        .build()?;
    runtime.block_on(serve(&args.config, raw, effective, (sandbox, process)))?;
    Ok(ExitCode::SUCCESS)
}

/// One mistake a line, and how many there are.
pub(crate) fn listed(mistakes: &[Mistake], language: Language) -> String {
    let mut lines: Vec<_> = mistakes.iter().map(|mistake| mistake.line(language)).collect();
    let file = mistakes.first().map(|mistake| mistake.file.display().to_string()).unwrap_or_default();
    let count = match mistakes.len() {
        1 => text!("{file}: 1 mistake", "{file}: 誤り1件"),
        count => text!("{file}: {count} mistakes", "{file}: 誤り{count}件"),
    };
    lines.push(count.in_language(language).to_owned());
    lines.join("\n")
}

fn log_to_stderr(log: &LogSection) {
    use tracing_subscriber::filter::LevelFilter;
    let level = match log.level {
        config::raw::LogLevel::Error => LevelFilter::ERROR,
        config::raw::LogLevel::Warn => LevelFilter::WARN,
        config::raw::LogLevel::Info => LevelFilter::INFO,
        config::raw::LogLevel::Debug => LevelFilter::DEBUG,
    };
    let lines =
        tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(level).with_target(false);
    // A subscriber is set once, here, before anything is logged.
    match log.format {
        LogFormat::Text => lines.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
}

/// The stores of a running gateway; the lock says that no other gateway has them.
struct Stores {
    spool: Spool,
    ledger: Ledger,
    _lock: File,
}

/// The state folder, if it is not there.
fn make_folder(state: &Path) -> Result<(), Said> {
    match std::fs::create_dir(state) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(unwritable(state, &error)),
        _ => Ok(()),
    }
}

fn unwritable(state: &Path, error: &std::io::Error) -> Said {
    let folder = state.display();
    Said(
        text!(
            "nothing can be written in the state folder {folder}: ",
            "状態フォルダー {folder} に書き込めません："
        )
        .and(&words::reason(error)),
    )
}

fn open_stores(state: &Path, encryption: Option<Encryption>) -> anyhow::Result<Stores> {
    let folder = state.display();
    let lock = File::create(state.join("lock")).map_err(|error| unwritable(state, &error))?;
    if lock.try_lock().is_err() {
        bail!(Said(text!(
            "another gateway uses the state folder {folder}",
            "状態フォルダー {folder} は、別のゲートウェイが使用中です"
        )));
    }
    let spool = Spool::open_with(&state.join("spool"), &state.join("spool.key"), encryption);
    let spool = spool.context("opening the spool")?;
    let owner = format!("pid {}", std::process::id());
    let (ledger, opened) =
        Ledger::open(&state.join("ledger.sqlite"), &owner, now_millis()).context("opening the ledger")?;
    #[cfg(feature = "failpoints")]
    failpoints::pass(Point::StoresOpened);
    let recovery = recover(&spool, &ledger).context("looking through the spool")?;
    #[cfg(feature = "failpoints")]
    failpoints::pass(Point::StoresRecovered);
    for batch in &recovery.damaged {
        tracing::error!(%batch, "the payload of an acknowledged batch is missing or damaged");
    }
    tracing::info!(
        epoch = opened.epoch.0,
        in_doubt = opened.in_doubt,
        removed = recovery.removed.len(),
        damaged = recovery.damaged.len(),
        "stores opened"
    );
    Ok(Stores { spool, ledger, _lock: lock })
}

/// What a reload exchanges.
struct Running {
    listeners: Vec<Served>,
    weakened: Weakened,
    /// The configuration that the process was started with.
    started_with: Raw,
    state: std::path::PathBuf,
    room: Shown,
    sandbox: Arc<Sandbox>,
    spool: Spool,
    ledger: Ledger,
    log: ExchangeLog,
    board: Board,
    metrics: sekisho_edge::Metrics,
    delivery: DeliveryHandle,
    /// Where the admin listener is bound, whatever the configuration says meanwhile.
    admin: std::net::SocketAddr,
    operators: Operators,
    prober: Option<Prober>,
    retention: watch::Sender<Retention>,
}

/// A listener that is served.
struct Served {
    name: String,
    address: std::net::SocketAddr,
    routes: Arc<ArcSwap<Routes>>,
    guard: Option<Arc<Guard>>,
}

/// The TLS of all listeners.
fn tls_of(listeners: &[Served]) -> Vec<Arc<Tls>> {
    listeners.iter().filter_map(|served| Some(Arc::clone(&served.guard.as_ref()?.tls))).collect()
}

async fn serve(
    config: &Path,
    raw: Raw,
    mut effective: Effective,
    (sandbox, process): (Sandbox, Process),
) -> anyhow::Result<()> {
    // Before anything is served: a signal that comes early must not end the process half-way.
    let mut asked = Signals::listen()?;
    let (state, encryption) = (effective.state.clone(), effective.encryption.take());
    let stores = tokio::task::spawn_blocking(move || open_stores(&state, encryption)).await??;
    let (spool, ledger) = (stores.spool.clone(), stores.ledger.clone());
    let log = exchanges::open(&effective)?;
    effective.record_in(&log);
    define_plans(&ledger, &effective).await?;
    let board = Board::new(effective.hops()).context("arranging the hops")?;
    let registry = Registry::new();
    sandbox.show(&registry)?;
    process.register(&registry)?;
    let room = Shown::register(&registry)?;
    if let Some(metrics) = log.metrics() {
        metrics.register(&registry)?;
    }
    let upstreams = effective.upstreams.iter().map(|upstream| upstream.upstream.clone()).collect();
    let delivery_metrics = sekisho_delivery::Metrics::register(&registry)?;
    let delivery =
        Delivery::start(ledger.clone(), spool.clone(), upstreams, board.clone(), delivery_metrics).await?;
    let metrics = sekisho_edge::Metrics::register(&registry)?;
    show_quotas(&metrics, &effective);
    let gateway = Gateway::new(
        spool.clone(),
        ledger.clone(),
        board.clone(),
        metrics.clone(),
        effective.admission,
        Box::new({
            let delivery = delivery.clone();
            move || delivery.wake()
        }),
    );
    let gateway = Arc::new(gateway.recording(log.clone()));

    let (stop, stopped) = watch::channel(false);
    let (retention, kept) = watch::channel(effective.retention.clone());
    let mut tasks = JoinSet::new();
    let weakened = Weakened::register(&registry)?;
    weakened.show(&effective, log.is_on());
    // Every socket is bound before the first one is served: a gateway runs whole or not at all.
    let mut bound = Vec::new();
    let mut served = Vec::new();
    for listener in &mut effective.listeners {
        let socket = Listener::bind(listener.address, listener.limits)
            .map_err(|error| unbound(&format!("listener {:?}", listener.name), listener.address, &error))?;
        let guard = listener.tls.take().map(|tls| Guard::new(&listener.name, tls));
        let socket = socket
            .named(&listener.name)
            .behind(listener.balancers.clone())
            .with_tls(guard.as_ref().map(|guard| Arc::clone(&guard.tls)));
        let routes = Arc::new(ArcSwap::from_pointee(listener.routes()));
        let service = Service::new(Arc::clone(&gateway), Arc::clone(&routes), listener.public_url.clone());
        bound.push((listener.name.clone(), socket, service));
        served.push(Served { name: listener.name.clone(), address: listener.address, routes, guard });
    }
    let tls = tls_of(&served);
    sekisho_edge::tls::register(&registry, tls.clone())?;
    let probes = probes::of(&effective, &ledger, &effective.state, &room, tls, &log)?;
    let prober = Prober::start(board.clone(), probes);
    let admin_socket = tokio::net::TcpListener::bind(effective.admin)
        .await
        .map_err(|error| unbound("admin", effective.admin, &error))?;
    let mut running = Running {
        admin: admin_socket.local_addr()?,
        listeners: served,
        weakened,
        started_with: raw,
        state: effective.state.clone(),
        room,
        sandbox: Arc::new(sandbox),
        spool: spool.clone(),
        ledger: ledger.clone(),
        log: log.clone(),
        board,
        metrics,
        delivery: delivery.clone(),
        operators: Operators::new(ArcSwap::from_pointee(effective.operators.clone())),
        prober: Some(prober),
        retention,
    };
    let mut out = std::io::stdout();
    for (name, socket, service) in bound {
        let address = socket.address()?;
        tasks.spawn(socket.serve(service, stopped.clone(), effective.grace));
        writeln!(out, "listening {name} {address}")?;
    }
    for guard in running.listeners.iter().filter_map(|served| served.guard.as_ref()) {
        tasks.spawn(Arc::clone(guard).watch(stopped.clone()));
    }
    writeln!(out, "listening admin {}", running.admin)?;
    let admin = Admin::new(Arc::clone(&gateway), registry, {
        let delivery = delivery.clone();
        Arc::new(move || serde_json::to_value(delivery.status()).unwrap_or_default())
    })?;
    let admin = admin.known_by(Arc::clone(&running.operators));
    tasks.spawn(admin.serve(admin_socket, stopped.clone()));
    data_keys::rewrap(&spool);
    tasks.spawn(purge::finished(spool, ledger, kept, stopped.clone()));
    writeln!(out, "ready")?;
    out.flush()?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "ready");

    signals(&mut asked, config, &mut running).await;
    #[cfg(feature = "failpoints")]
    failpoints::pass(Point::Closing);
    tracing::info!(grace = ?effective.grace, "shutting down: no new exchanges, chunks under way are awaited");
    // The receivers live as long as the tasks do.
    let _ = stop.send(true);
    let (parked, ()) =
        tokio::join!(delivery.park(effective.grace), async { while tasks.join_next().await.is_some() {} });
    #[cfg(feature = "failpoints")]
    failpoints::pass(Point::Parked);
    if let Some(prober) = running.prober.take() {
        prober.stop().await;
    }
    // Last: everything that was exchanged is on record.
    log.close().await;
    tracing::info!(in_doubt = parked, "stopped");
    Ok(())
}

/// A socket that cannot be had.
fn unbound(whose: &str, address: std::net::SocketAddr, error: &std::io::Error) -> Said {
    let why = match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            text!("another program uses it", "別のプログラムが使用中です")
        }
        std::io::ErrorKind::AddrNotAvailable => {
            text!("this machine does not have it", "このマシンのアドレスではありません")
        }
        std::io::ErrorKind::PermissionDenied => {
            text!("this user may not bind it", "このユーザーには使う許可がありません")
        }
        _ => text!("{error}", "{error}"),
    };
    Said(
        text!("{whose}: {address} cannot be listened on: ", "{whose}: {address} で待受けできません：")
            .and(&why),
    )
}

async fn define_plans(ledger: &Ledger, effective: &Effective) -> anyhow::Result<()> {
    for plan in &effective.plans {
        ledger.define(plan.clone()).await.context("keeping a delivery plan")?;
    }
    Ok(())
}

/// What each client may take of the spool.
fn show_quotas(metrics: &sekisho_edge::Metrics, effective: &Effective) {
    metrics.show_quotas(effective.listeners.iter().flat_map(|listener| &listener.routes));
}

/// The signals that the process listens to.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }
}

/// Waits for the signal to stop; reloads on the way.
async fn signals(asked: &mut Signals, config: &Path, running: &mut Running) {
    loop {
        tokio::select! {
            _ = asked.terminate.recv() => return,
            _ = asked.interrupt.recv() => return,
            _ = asked.hang_up.recv() => match reload(config, running).await {
                Ok(()) => tracing::info!("reloaded"),
                Err(error) => tracing::error!("nothing was reloaded: {error:#}"),
            },
        }
    }
}

/// Puts routes, schemas, clients and upstreams of the configuration on disk into force. Whatever can fail comes first:
/// a configuration with a mistake changes nothing. Batches under way keep the plan that they were accepted with.
async fn reload(config: &Path, running: &mut Running) -> anyhow::Result<()> {
    let (path, sandbox) = (config.to_owned(), Arc::clone(&running.sandbox));
    let loaded = tokio::task::spawn_blocking(move || {
        // First: what is outside looks like a file that this user may not read.
        let outside = config::written(&path).map(|raw| sandbox.outside(&Reach::of(&path, &raw)));
        match outside {
            Some(outside) if !outside.is_empty() => Err(Ok(outside)),
            _ => config::load(&path).map_err(Err),
        }
    });
    let (raw, mut effective) = match loaded.await? {
        Ok(loaded) => loaded,
        Err(Ok(outside)) => {
            for needed in &outside {
                tracing::error!("needs a restart: {}", needed.in_language(Language::English));
            }
            bail!(
                "the process gave up, when it started, what the configuration now needs: {}; what was in force stays so",
                outside.len()
            );
        }
        Err(Err(mistakes)) => {
            // An event for each: a log is read line by line.
            for mistake in &mistakes {
                tracing::error!("{}", mistake.line(Language::English));
            }
            bail!("mistakes in the configuration: {}; what was in force stays so", mistakes.len());
        }
    };
    // Its address changes only with a restart: until then a login is what keeps others out.
    effective.admin_is_plain = !running.admin.ip().is_loopback();
    if effective.admin_is_plain && effective.operators.is_empty() {
        bail!(
            "the admin listener is bound to {} until a restart, beyond loopback, and nobody may ask it there without a token \
             (admin.token_files); what was in force stays so",
            running.admin
        );
    }
    #[cfg(feature = "failpoints")]
    failpoints::pass(Point::ReloadRead);
    let mut terms = Vec::new();
    for served in &running.listeners {
        let listener = effective.listeners.iter_mut().find(|listener| listener.name == served.name);
        terms.push(match listener {
            Some(listener) => certificates::judged(listener, served.guard.as_deref())?,
            None => None,
        });
    }
    descriptors::fit(&effective, descriptors::allowed())?;
    effective.record_in(&running.log);
    let tls = tls_of(&running.listeners);
    let probes = probes::of(&effective, &running.ledger, &running.state, &running.room, tls, &running.log)?;
    data_keys::replace(&running.spool, effective.encryption.take()).await?;
    define_plans(&running.ledger, &effective).await?;
    #[cfg(feature = "failpoints")]
    failpoints::pass(Point::ReloadDefined);
    running.board.arrange(effective.hops())?;
    running.log.arrange(effective.on_record.clone());
    if let Some(before) = running.prober.take() {
        before.stop().await;
    }
    running.prober = Some(Prober::start(running.board.clone(), probes));
    let upstreams = effective.upstreams.iter().map(|upstream| upstream.upstream.clone()).collect();
    running.delivery.replace_upstreams(upstreams);
    data_keys::rewrap(&running.spool);
    running.operators.store(Arc::new(effective.operators.clone()));
    running.retention.send_replace(effective.retention.clone());
    for (Served { name, address, routes, guard }, terms) in running.listeners.iter().zip(terms) {
        if let (Some(guard), Some(terms)) = (guard, terms) {
            guard.replace(terms);
        }
        match effective.listeners.iter().find(|listener| listener.name == *name) {
            Some(listener) => {
                routes.store(Arc::new(listener.routes()));
                if listener.address != *address {
                    tracing::warn!(listener = name, "its address changes only with a restart");
                }
            }
            None => {
                routes.store(Arc::new(Routes::default()));
                tracing::warn!(listener = name, "it serves nothing now; its socket closes with a restart");
            }
        }
    }
    for listener in &effective.listeners {
        if !running.listeners.iter().any(|served| served.name == listener.name) {
            tracing::warn!(listener = listener.name, "a new listener opens only with a restart");
        }
    }
    running.weakened.show(&effective, running.log.is_on());
    show_quotas(&running.metrics, &effective);
    for section in raw.changed_for_restart(&running.started_with) {
        tracing::warn!(section, "what has changed in this section changes only with a restart");
    }
    Ok(())
}
