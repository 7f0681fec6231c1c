//! Upstreams: where they are, how they are trusted, how the gateway logs in, how they are watched.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rustls_pki_types::pem::{Error as PemError, PemObject as _};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use sekisho_soap::MediaType;
use sekisho_upstream::{
    Endpoint, EndpointConfig, EndpointError, LoginConfig, LoginError, Upstream, is_in_clear,
};

use super::gateway::no_limit_is_off;
use super::{EffectiveUpstream, names};
use crate::config::key_path::KeyPath;
use crate::config::mistake::Mistakes;
use crate::config::raw::{ProbeSection, UpstreamSection};
use crate::config::words;
use crate::language::{Text, text};

pub(super) fn build(
    sections: &[UpstreamSection],
    folder: &Path,
    mistakes: &mut Mistakes,
) -> BTreeMap<String, EffectiveUpstream> {
    names::unique(mistakes, "upstream", sections.iter().map(|upstream| upstream.name.as_str()));
    let mut built = BTreeMap::new();
    for (index, section) in sections.iter().enumerate() {
        let path = KeyPath::item_of("upstream", index);
        probe(&section.probe, &path.key("probe"), mistakes);
        healthy(&section.probe, &path.key("probe"), mistakes);
        let endpoint = absolute(&section.endpoint, folder);
        let before = mistakes.count();
        let is_plain = plain(section, &path, mistakes);
        let path = path.key("endpoint");
        numbers(&endpoint, &path, mistakes);
        address(&endpoint.url, &path.key("url"), mistakes);
        trust(&endpoint, &path, mistakes);
        if let Some(login) = &endpoint.login {
            check_login(login, &path.key("login"), mistakes);
        }
        // What only follows from a mistake is none: a key that is missing has no file.
        if mistakes.count() > before || mistakes.is_told(&path) || mistakes.is_told_within(&path) {
            continue;
        }
        match Upstream::open(&section.name, &endpoint) {
            Ok(upstream) => {
                let probe = section.probe.clone();
                built.insert(section.name.clone(), EffectiveUpstream { upstream, probe, is_plain });
            }
            Err(error) => mistakes.add(&path, misfit(&error)),
        }
    }
    built
}

/// What only shows when everything is put together: a key of another certificate.
fn misfit(error: &LoginError) -> Text {
    let japanese = match error.code() {
        "endpoint-tls" => {
            "TLSの設定を組み合わせて使えません。client_keyがclient_certificateの秘密鍵か、rootsが証明書かを確かめてください"
        }
        _ => "設定を組み合わせて使えません。endpointとloginのキーとファイルを確かめてください",
    };
    Text::new(error.to_string(), japanese)
}

/// Whether it or its login is spoken to in clear beyond loopback; a mistake where no word lets it.
fn plain(section: &UpstreamSection, path: &KeyPath, mistakes: &mut Mistakes) -> bool {
    let login = section.endpoint.login.as_ref().and_then(LoginConfig::token_url);
    let urls = [("endpoint.url", Some(section.endpoint.url.as_str())), ("endpoint.login.token_url", login)];
    let urls = urls.into_iter().filter_map(|(key, url)| Some((key, url?)));
    let plain: Vec<_> = urls.clone().filter(|(_, url)| is_in_clear(url)).collect();
    let said = section.plain_http.anywhere();
    for (key, _) in plain.iter().filter(|_| !said) {
        mistakes.add(
            &path.dotted(key),
            text!(
                "plain HTTP beyond loopback: whoever is on the way can read along. Write https://, or, if the line is protected by \
                 other means, plain_http = \"i-know-that-this-network-is-protected\" below [[upstream]]",
                "ループバック以外への平文HTTPは、経路上の誰にでも読まれます。https://で始まるアドレスを書くか、回線が別の手段で保護されている場合は、\
                 [[upstream]]の下に plain_http = \"i-know-that-this-network-is-protected\" と書いてください"
            ),
        );
    }
    if said && urls.clone().all(|(_, url)| url.starts_with("https://")) {
        mistakes.add(
            &path.key("plain_http"),
            text!(
                "says that plain HTTP is spoken, and every address begins with https://: take it away",
                "平文HTTPの指定がありますが、どのアドレスもhttps://で始まっています。削除してください"
            ),
        );
    }
    !plain.is_empty()
}

/// The endpoint with its files' paths taken from the configuration's folder.
fn absolute(endpoint: &EndpointConfig, folder: &Path) -> EndpointConfig {
    let mut endpoint = endpoint.clone();
    let paths = endpoint.roots.iter_mut();
    let paths = paths.chain(&mut endpoint.client_certificate).chain(&mut endpoint.client_key);
    paths.for_each(|path| *path = folder.join(&*path));
    match &mut endpoint.login {
        Some(LoginConfig::ClientCredentials { client_secret_file: file, .. })
        | Some(LoginConfig::JwtBearer { key_file: file, .. })
        | Some(LoginConfig::TokenFile { path: file }) => *file = folder.join(&*file),
        None => {}
    }
    endpoint
}

fn probe(probe: &ProbeSection, path: &KeyPath, mistakes: &mut Mistakes) {
    for (name, interval) in [
        ("line_interval_ms", probe.line_interval_ms),
        ("cloud_interval_ms", probe.cloud_interval_ms),
        ("login_interval_ms", probe.login_interval_ms),
        ("application_interval_ms", probe.application_interval_ms),
        ("import_interval_ms", probe.import_interval_ms),
    ] {
        if interval < 100 {
            mistakes.add(&path.key(name), text!("must be at least 100", "100以上にしてください"));
        }
    }
    for (name, target) in [("health", &probe.health), ("application", &probe.application)] {
        if target
            .as_deref()
            .is_some_and(|target| !target.starts_with('/') || target.contains(char::is_whitespace))
        {
            mistakes.add(
                &path.key(name),
                text!("must be a path, such as \"/health\"", "\"/health\"のようなパスにしてください"),
            );
        }
    }
}

/// What the health page has to hold: something, of a page that is asked for.
fn healthy(probe: &ProbeSection, path: &KeyPath, mistakes: &mut Mistakes) {
    let Some(healthy) = &probe.healthy else { return };
    let path = path.key("healthy");
    if probe.health.is_none() {
        mistakes.add(
            &path,
            text!(
                "says what the health page holds, and health names no page",
                "ヘルスページの内容の指定ですが、healthにページのパスがありません"
            ),
        );
    }
    if healthy.content_type.is_none() && healthy.pointer.is_none() && healthy.value.is_none() {
        mistakes.add(
            &path,
            text!(
                "asks for nothing: write content_type, or pointer and value",
                "条件がありません。content_type、またはpointerとvalueを書いてください"
            ),
        );
    }
    if healthy.pointer.is_some() != healthy.value.is_some() {
        let key = if healthy.value.is_none() { "pointer" } else { "value" };
        mistakes.add(
            &path.key(key),
            text!("pointer and value are set together", "pointerとvalueは両方とも指定してください"),
        );
    }
    if healthy.pointer.as_deref().is_some_and(|pointer| !is_pointer(pointer)) {
        mistakes.add(
            &path.key("pointer"),
            text!(
                "must be a JSON pointer (RFC 6901), such as \"/status\"",
                "\"/status\"のようなJSONポインター（RFC 6901）にしてください"
            ),
        );
    }
    let media_type = healthy.content_type.as_deref();
    if media_type
        .is_some_and(|text| !MediaType::parse(text).is_ok_and(|found| found.is(&text.to_ascii_lowercase())))
    {
        mistakes.add(
            &path.key("content_type"),
            text!(
                "must be a media type without parameters, such as \"application/json\"",
                "\"application/json\"のような、パラメーターのないメディアタイプにしてください"
            ),
        );
    }
}

/// RFC 6901 section 3: empty, or of parts that begin with a slash; `~` only as `~0` and `~1`.
fn is_pointer(text: &str) -> bool {
    (text.is_empty() || text.starts_with('/'))
        && text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']))
}

fn numbers(endpoint: &EndpointConfig, path: &KeyPath, mistakes: &mut Mistakes) {
    for (key, value) in [
        ("connect_timeout_ms", endpoint.connect_timeout_ms),
        ("idle_timeout_ms", endpoint.idle_timeout_ms),
        ("request_timeout_ms", endpoint.request_timeout_ms),
        ("max_answer_bytes", endpoint.max_answer_bytes),
        ("max_connections", endpoint.max_connections as u64),
    ] {
        if value == 0 {
            mistakes.add(&path.key(key), no_limit_is_off());
        }
    }
}

fn address(url: &str, path: &KeyPath, mistakes: &mut Mistakes) {
    if let Err(EndpointError::Url { reason, .. }) = Endpoint::load(&EndpointConfig::new(url)) {
        mistakes.add(
            path,
            text!(
                "{reason}; write http://host[:port][/path] or https://host[:port][/path]",
                "http://ホスト[:ポート][/パス] か https://ホスト[:ポート][/パス] の形で書いてください（ユーザー名と「?」以降は書けません）"
            ),
        );
    }
}

/// Everything that TLS is made of, file by file.
fn trust(endpoint: &EndpointConfig, path: &KeyPath, mistakes: &mut Mistakes) {
    let https = endpoint.url.starts_with("https://");
    if https && endpoint.roots.is_empty() {
        mistakes.add(
            &path.key("roots"),
            text!(
                "https needs at least one PEM file with the certificates that the peer's chain may end in",
                "httpsには、相手の証明書の検証に使うルート証明書のPEMファイルが1つ以上必要です"
            ),
        );
    }
    for (index, file) in endpoint.roots.iter().enumerate() {
        certificates(file, &path.key("roots").item(index), mistakes);
    }
    match (&endpoint.client_certificate, &endpoint.client_key) {
        (Some(_), None) => mistakes.add(&path.key("client_certificate"), together()),
        (None, Some(_)) => mistakes.add(&path.key("client_key"), together()),
        _ => {}
    }
    if let Some(file) = &endpoint.client_certificate {
        certificates(file, &path.key("client_certificate"), mistakes);
    }
    if let Some(file) = &endpoint.client_key {
        private_key(file, &path.key("client_key"), mistakes);
    }
    if endpoint.server_name.as_deref().is_some_and(|name| ServerName::try_from(name).is_err()) {
        mistakes.add(
            &path.key("server_name"),
            text!("must be a DNS name or an IP address", "DNS名かIPアドレスにしてください"),
        );
    }
}

fn together() -> Text {
    text!(
        "client_certificate and client_key are set together or not at all",
        "client_certificateとclient_keyは、両方書くか、両方書かないかのどちらかです"
    )
}

fn certificates(file: &PathBuf, path: &KeyPath, mistakes: &mut Mistakes) {
    let found = CertificateDer::pem_file_iter(file).and_then(|all| all.collect::<Result<Vec<_>, _>>());
    match found {
        Ok(found) if !found.is_empty() => {}
        Ok(_) | Err(PemError::NoItemsFound) => mistakes.add(path, holds_no(file, "certificate", "証明書")),
        Err(PemError::Io(error)) => mistakes.add(path, words::file(file, &error)),
        Err(_) => mistakes.add(path, holds_no(file, "certificate", "証明書")),
    }
}

fn private_key(file: &PathBuf, path: &KeyPath, mistakes: &mut Mistakes) {
    match PrivateKeyDer::from_pem_file(file) {
        Ok(_) => {}
        Err(PemError::Io(error)) => mistakes.add(path, words::file(file, &error)),
        Err(_) => mistakes.add(path, holds_no(file, "private key", "秘密鍵")),
    }
}

fn holds_no(file: &Path, english: &str, japanese: &str) -> Text {
    let file = file.display();
    text!("{file} holds no {english} in PEM", "{file} にPEM形式の{japanese}がありません")
}

fn check_login(login: &LoginConfig, path: &KeyPath, mistakes: &mut Mistakes) {
    match login {
        LoginConfig::ClientCredentials { token_url, client_secret_file, .. } => {
            address(token_url, &path.key("token_url"), mistakes);
            secret(client_secret_file, &path.key("client_secret_file"), mistakes);
        }
        LoginConfig::JwtBearer { token_url, key_file, lifetime_seconds, .. } => {
            address(token_url, &path.key("token_url"), mistakes);
            private_key(key_file, &path.key("key_file"), mistakes);
            if !(1..=3_600).contains(lifetime_seconds) {
                mistakes.add(&path.key("lifetime_seconds"), super::gateway::between(1, 3_600));
            }
        }
        LoginConfig::TokenFile { path: file } => secret(file, &path.key("path"), mistakes),
    }
}

/// A file with one line that is a secret; nothing of it is shown.
fn secret(file: &Path, path: &KeyPath, mistakes: &mut Mistakes) {
    match fs::read_to_string(file) {
        Ok(secret) if secret.trim().is_empty() => {
            let file = file.display();
            mistakes.add(path, text!("{file} is empty", "{file} は空です"));
        }
        Ok(_) => {}
        Err(error) => mistakes.add(path, words::file(file, &error)),
    }
}
