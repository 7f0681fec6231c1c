//! The certificates of the attacks, made anew for every run: a server's, and those that clients show.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams,
    SerialNumber,
};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// The name by which `conformance/attacks/gateway.toml` knows the client.
const CITY: &str = "city.example";
const REVOKED: u64 = 3;

type Authority = CertifiedIssuer<'static, KeyPair>;

/// What clients show, by name: `valid`, `expired`, `not-yet-valid`, `revoked`, `other-name`, `no-name`, `name-below`,
/// `wildcard`, `for-servers`, `authority` (one of an authority as if it were a client's), `other-authority`,
/// `same-name-authority`, `self-signed`, and `none`.
pub(super) struct Certificates(BTreeMap<&'static str, Arc<ClientConfig>>);

impl Certificates {
    /// Makes them all, and writes into the folder what the gateway reads: `server.pem`, `server.key`, `clients.pem`,
    /// `clients.crl`.
    ///
    /// # Errors
    /// One cannot be made, or the folder cannot be written.
    pub(super) fn make(folder: &Path) -> anyhow::Result<Self> {
        let (servers, clients) = (authority("Servers")?, authority("Clients")?);
        let (others, namesakes) = (authority("Others")?, authority("Clients")?);
        let (server, key) = issue(&servers, 1, &["localhost", "127.0.0.1"], |_| ())?;
        std::fs::write(folder.join("server.pem"), server.pem())?;
        secret(&folder.join("server.key"), &key.serialize_pem())?;
        std::fs::write(folder.join("clients.pem"), clients.pem())?;
        std::fs::write(folder.join("clients.crl"), revocations(&clients)?)?;

        let mut roots = RootCertStore::empty();
        roots.add(servers.der().clone())?;
        let now = SystemTime::now();
        let mut made = BTreeMap::new();
        let mut show = |name, (certificate, key): (rcgen::Certificate, KeyPair)| {
            let chain = vec![certificate.der().clone()];
            made.insert(name, config(&roots, Some((chain, key)))?);
            anyhow::Ok(())
        };
        show("valid", issue(&clients, 2, &[CITY], |_| ())?)?;
        show("revoked", issue(&clients, REVOKED, &[CITY], |_| ())?)?;
        show("expired", issue(&clients, 4, &[CITY], |params| params.not_after = (now - DAY / 2).into())?)?;
        show("not-yet-valid", issue(&clients, 5, &[CITY], |params| params.not_before = (now + DAY).into())?)?;
        show("other-name", issue(&clients, 6, &["town.example"], |_| ())?)?;
        show("no-name", issue(&clients, 7, &[], |_| ())?)?;
        show("name-below", issue(&clients, 8, &["a.city.example"], |_| ())?)?;
        show("wildcard", issue(&clients, 9, &["*.example"], |_| ())?)?;
        let servers_only = |params: &mut CertificateParams| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        };
        show("for-servers", issue(&clients, 10, &[CITY], servers_only)?)?;
        let as_authority = |params: &mut CertificateParams| {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        };
        show("authority", issue(&clients, 11, &[CITY], as_authority)?)?;
        show("other-authority", issue(&others, 2, &[CITY], |_| ())?)?;
        show("same-name-authority", issue(&namesakes, 2, &[CITY], |_| ())?)?;
        let key = KeyPair::generate()?;
        show("self-signed", (params(1, &[CITY])?.self_signed(&key)?, key))?;
        made.insert("none", config(&roots, None)?);
        Ok(Self(made))
    }

    /// How a client that shows that certificate connects.
    ///
    /// # Errors
    /// There is none of that name.
    pub(super) fn client(&self, name: &str) -> anyhow::Result<Arc<ClientConfig>> {
        self.0.get(name).cloned().with_context(|| format!("there is no certificate {name}"))
    }
}

fn authority(name: &str) -> anyhow::Result<Authority> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?)
}

fn issue(
    authority: &Authority,
    serial: u64,
    names: &[&str],
    edit: impl FnOnce(&mut CertificateParams),
) -> anyhow::Result<(rcgen::Certificate, KeyPair)> {
    let key = KeyPair::generate()?;
    let mut params = params(serial, names)?;
    edit(&mut params);
    Ok((params.signed_by(&key, authority)?, key))
}

fn params(serial: u64, names: &[&str]) -> anyhow::Result<CertificateParams> {
    let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())?;
    let now = SystemTime::now();
    params.serial_number = Some(SerialNumber::from(serial));
    (params.not_before, params.not_after) = ((now - DAY).into(), (now + 100 * DAY).into());
    Ok(params)
}

fn revocations(authority: &Authority) -> anyhow::Result<String> {
    let now = SystemTime::now();
    let params = CertificateRevocationListParams {
        this_update: (now - Duration::from_secs(60)).into(),
        next_update: (now + DAY).into(),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: vec![RevokedCertParams {
            serial_number: SerialNumber::from(REVOKED),
            revocation_time: (now - Duration::from_secs(60)).into(),
            reason_code: None,
            invalidity_date: None,
        }],
        key_identifier_method: KeyIdMethod::Sha256,
    };
    Ok(params.signed_by(authority)?.pem()?)
}

fn config(
    roots: &RootCertStore,
    shown: Option<(Vec<CertificateDer<'static>>, KeyPair)>,
) -> anyhow::Result<Arc<ClientConfig>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots.clone());
    Ok(Arc::new(match shown {
        Some((chain, key)) => {
            let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
            builder.with_client_auth_cert(chain, key)?
        }
        None => builder.with_no_client_auth(),
    }))
}

/// Writes what nobody else may read.
pub(super) fn secret(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, text)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(())
}
