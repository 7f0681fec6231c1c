//! What a configuration makes a gateway reach: folders and ports.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use http::Uri;
use sekisho_delivery::DialectSpec;
use sekisho_upstream::LoginConfig;

use crate::config::raw::Raw;
use crate::config::words;
use crate::language::{Text, text};

/// Folders and TCP ports that a gateway needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Reach {
    /// Folders that are read from, whole, because a file is exchanged for another one of its name.
    pub(super) read: BTreeSet<PathBuf>,
    /// Folders that are written to.
    pub(super) write: BTreeSet<PathBuf>,
    /// Ports that are listened on; 0 is any.
    pub(super) listen: BTreeSet<u16>,
    /// Ports that are connected to.
    pub(super) connect: BTreeSet<u16>,
}

impl Reach {
    /// What the configuration in `file` names.
    pub(crate) fn of(file: &Path, raw: &Raw) -> Self {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut reach = Self::default();
        reach.read_beside(file);
        for named in files(raw) {
            reach.read_beside(&folder.join(named));
        }
        reach.read.extend(raw.sandbox.read.iter().map(|extra| real(&folder.join(extra))));
        let state = folder.join(&raw.gateway.state);
        let exchanges = raw.log.exchanges.folder.iter().map(|log| folder.join(log));
        let data_keys = raw.spool.encryption.iter().map(|encryption| folder.join(&encryption.data_keys));
        reach.write.extend([state].into_iter().chain(exchanges).chain(data_keys).map(|folder| real(&folder)));
        // Of the service manager: where credentials lie is not in the configuration.
        reach.read.extend(std::env::var_os("CREDENTIALS_DIRECTORY").map(|folder| real(Path::new(&folder))));
        reach.listen.extend(raw.listener.iter().map(|listener| listener.listen.port()));
        reach.listen.insert(raw.admin.listen.port());
        let urls = raw.upstream.iter().flat_map(|upstream| {
            let login = upstream.endpoint.login.as_ref().and_then(LoginConfig::token_url);
            [Some(upstream.endpoint.url.as_str()), login].into_iter().flatten()
        });
        reach.connect.extend(urls.filter_map(port));
        // Whether a socket in the file system may be connected to is not Landlock's to say: its own rights do.
        reach.connect.extend(raw.scanner.iter().filter_map(|scanner| Some(scanner.address?.port())));
        reach
    }

    /// The folder in which a file is named, and the one that it lies in where that name is a link.
    fn read_beside(&mut self, file: &Path) {
        let folders = [file.to_owned(), real(file)];
        self.read.extend(folders.iter().filter_map(|file| Some(real(parent(file)?))));
    }

    /// What of this is not within `other`.
    pub(super) fn beyond(&self, other: &Self) -> Vec<Text> {
        let within =
            |path: &Path, folders: &BTreeSet<PathBuf>| folders.iter().any(|folder| path.starts_with(folder));
        let folders =
            self.read.iter().filter(|path| !within(path, &other.read) && !within(path, &other.write));
        let folders = folders.map(|folder| {
            let folder = words::on_a_line(folder);
            text!("the folder {folder} is to be read", "フォルダー {folder} の読取り")
        });
        let ports = self.connect.difference(&other.connect);
        let ports = ports.map(|port| text!("port {port} is to be connected to", "ポート {port} への接続"));
        folders.chain(ports).collect()
    }
}

/// Every file that a configuration names.
fn files(raw: &Raw) -> Vec<&Path> {
    let mut files: Vec<&PathBuf> = Vec::new();
    for tls in raw.listener.iter().filter_map(|listener| listener.tls.as_ref()) {
        files.extend([&tls.certificate, &tls.key]);
        files.extend(tls.clients.iter().flat_map(|clients| clients.roots.iter().chain(&clients.crls)));
    }
    files.extend(raw.client.iter().flat_map(|client| &client.token_files));
    files.extend(&raw.admin.token_files);
    files.extend(raw.schema.iter().map(|schema| &schema.file));
    for endpoint in raw.upstream.iter().map(|upstream| &upstream.endpoint) {
        files.extend(endpoint.roots.iter().chain(&endpoint.client_certificate).chain(&endpoint.client_key));
        files.extend(endpoint.login.iter().map(|login| match login {
            LoginConfig::ClientCredentials { client_secret_file, .. } => client_secret_file,
            LoginConfig::JwtBearer { key_file, .. } => key_file,
            LoginConfig::TokenFile { path } => path,
        }));
    }
    files.extend(&raw.log.exchanges.key_file);
    let keys = raw.spool.encryption.iter().flat_map(|encryption| &encryption.key);
    files.extend(keys.filter_map(|key| key.file.as_ref()));
    files.extend(raw.route.iter().filter_map(|route| match &route.dialect {
        Some(DialectSpec::Soap(soap)) => soap.wsdl.as_ref(),
        _ => None,
    }));
    let policies = raw.route.iter().filter_map(|route| route.policy.as_ref());
    files.extend(policies.flat_map(|policy| policy.names.iter().chain(&policy.key)));
    files.into_iter().map(PathBuf::as_path).collect()
}

/// The port that a request to there is sent to.
fn port(url: &str) -> Option<u16> {
    let url: Uri = url.parse().ok()?;
    url.port_u16().or_else(|| match url.scheme_str()? {
        "https" => Some(443),
        "http" => Some(80),
        _ => None,
    })
}

fn parent(file: &Path) -> Option<&Path> {
    file.parent().map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
}

/// Without links, as far as it is there.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}
