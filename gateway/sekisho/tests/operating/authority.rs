//! An authority of certificates, and what it issues and revokes.

use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DistinguishedName,
    DnType, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber,
};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// An authority.
pub(crate) struct Authority(pub(crate) CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key.
pub(crate) struct Issued {
    /// PEM.
    pub(crate) certificate: String,
    /// PEM.
    pub(crate) key: String,
    pub(crate) der: Vec<u8>,
    pub(crate) serial: u64,
}

impl Issued {
    /// As a client is bound to it.
    pub(crate) fn fingerprint(&self) -> String {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &self.der);
        digest.as_ref().iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
    }
}

impl Authority {
    pub(crate) fn new() -> Self {
        Self::called("Test authority")
    }

    pub(crate) fn called(name: &str) -> Self {
        Self(CertifiedIssuer::self_signed(authority(name), KeyPair::generate().unwrap()).unwrap())
    }

    /// An authority that this one has certified.
    pub(crate) fn below(&self, serial: u64, name: &str) -> Self {
        let mut params = authority(name);
        params.serial_number = Some(SerialNumber::from(serial));
        Self(CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), &self.0).unwrap())
    }

    /// Itself, as another authority revokes it.
    pub(crate) fn as_issued(&self, serial: u64) -> Issued {
        Issued { certificate: self.pem(), key: String::new(), der: self.0.der().to_vec(), serial }
    }
}

/// What an authority's certificate says.
fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

impl Authority {
    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate that is valid for a while, for these names: `uri:`, `mail:`, and hosts and addresses without a word.
    pub(crate) fn issue(&self, serial: u64, names: &[&str]) -> Issued {
        self.issue_edited(serial, names, |_| ())
    }

    /// The same, changed before it is signed.
    pub(crate) fn issue_edited(
        &self,
        serial: u64,
        names: &[&str],
        edit: impl FnOnce(&mut CertificateParams),
    ) -> Issued {
        let key = KeyPair::generate().unwrap();
        let certificate = params(serial, names, edit).signed_by(&key, &self.0).unwrap();
        Issued {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            der: certificate.der().to_vec(),
            serial,
        }
    }

    /// The list of what was revoked, in PEM, good for a day.
    pub(crate) fn revoked(&self, certificates: &[&Issued]) -> String {
        self.revoked_until(certificates, SystemTime::now() + DAY)
    }

    /// The same, good until then.
    pub(crate) fn revoked_until(&self, certificates: &[&Issued], end: SystemTime) -> String {
        let now = SystemTime::now();
        self.list(certificates, now.min(end) - Duration::from_secs(60), end)
    }

    /// A list that was issued at that time.
    pub(crate) fn list(&self, certificates: &[&Issued], issued: SystemTime, end: SystemTime) -> String {
        let revoked = |one: &&Issued| RevokedCertParams {
            serial_number: SerialNumber::from(one.serial),
            revocation_time: issued.into(),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: issued.into(),
            next_update: end.into(),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: certificates.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.0).unwrap().pem().unwrap()
    }
}

/// A certificate that nobody else has signed.
pub(crate) fn self_signed(names: &[&str]) -> Issued {
    let key = KeyPair::generate().unwrap();
    let certificate = params(1, names, |_| ()).self_signed(&key).unwrap();
    Issued {
        certificate: certificate.pem(),
        key: key.serialize_pem(),
        der: certificate.der().to_vec(),
        serial: 1,
    }
}

fn params(serial: u64, names: &[&str], edit: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let plain: Vec<String> =
        names.iter().filter(|name| !name.contains(':')).map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(plain).unwrap();
    for name in names {
        match name.split_once(':') {
            Some(("uri", uri)) => params.subject_alt_names.push(SanType::URI(uri.try_into().unwrap())),
            Some(("mail", mail)) => {
                params.subject_alt_names.push(SanType::Rfc822Name(mail.try_into().unwrap()))
            }
            Some((other, _)) => panic!("no kind of name: {other}"),
            None => {}
        }
    }
    let now = SystemTime::now();
    params.serial_number = Some(SerialNumber::from(serial));
    (params.not_before, params.not_after) = ((now - DAY).into(), (now + 100 * DAY).into());
    edit(&mut params);
    params
}

/// Makes a certificate one of other times: so many days from now, and so many.
pub(crate) fn days(from: i64, until: i64) -> impl FnOnce(&mut CertificateParams) {
    let at = |days: i64| {
        let distance = DAY * u32::try_from(days.unsigned_abs()).unwrap();
        if days < 0 { SystemTime::now() - distance } else { SystemTime::now() + distance }
    };
    move |params| (params.not_before, params.not_after) = (at(from).into(), at(until).into())
}
