//! OpenSSL as an authority: `req` and `ca`, as an operator of a small one uses them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::workspace::check;

/// Where a certificate says that revocations are published. Nothing listens there, and nobody may ask.
const CRL: &str = "http://127.0.0.1:9/authority.crl";

/// What `openssl ca` needs to know. Nobody's certificate is copied from its request but the name.
const CONFIGURATION: &str = "[ca]
default_ca = it
[it]
database = index.txt
serial = serial
crlnumber = crlnumber
new_certs_dir = .
certificate = root.pem
private_key = root.key
default_md = sha256
default_crl_days = 30
policy = any
unique_subject = no
[any]
commonName = supplied
";

/// An authority with a folder of its own.
pub(crate) struct Authority {
    folder: PathBuf,
}

/// What a certificate is for.
#[derive(Clone, Copy)]
pub(crate) enum For {
    /// A server under these names, in OpenSSL's words.
    Server(&'static str),
    /// A client with this host name.
    Client(&'static str),
}

/// From when to when a certificate is valid, in OpenSSL's words.
#[derive(Clone, Copy)]
pub(crate) enum Valid {
    /// From now on, for a year.
    Now,
    /// A year that is long over.
    Past,
    /// A year that is far off.
    Future,
}

impl Authority {
    /// Makes an authority under a name.
    pub(crate) fn found(folder: &Path, name: &str) -> anyhow::Result<Self> {
        let own = Self { folder: folder.join(name) };
        std::fs::create_dir_all(&own.folder)?;
        for (file, text) in
            [("ca.cnf", CONFIGURATION), ("index.txt", ""), ("serial", "01"), ("crlnumber", "01")]
        {
            std::fs::write(own.folder.join(file), text)?;
        }
        own.openssl(&format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout root.key -out root.pem -days 3650 \
             -subj /CN={name} -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign"
        ))?;
        Ok(own)
    }

    /// Its own certificate.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.join("root.pem")
    }

    /// Issues a certificate; the files `NAME.pem` and `NAME.key` are in its folder.
    pub(crate) fn issue(&self, name: &str, kind: For, valid: Valid) -> anyhow::Result<[PathBuf; 2]> {
        let (purpose, names) = match kind {
            For::Server(names) => ("serverAuth", names.to_owned()),
            For::Client(host) => ("clientAuth", format!("DNS:{host}")),
        };
        let extensions = format!(
            "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage={purpose}\n\
             subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\nsubjectAltName={names}\n\
             crlDistributionPoints=URI:{CRL}\n"
        );
        std::fs::write(self.folder.join("extensions"), extensions)?;
        let valid = match valid {
            Valid::Now => "-days 365",
            Valid::Past => "-startdate 20200101000000Z -enddate 20210101000000Z",
            Valid::Future => "-startdate 20480101000000Z -enddate 20490101000000Z",
        };
        self.openssl(&format!(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key -out {name}.csr -subj /CN={name}"
        ))?;
        self.openssl(&format!(
            "ca -batch -notext -config ca.cnf -extfile extensions -in {name}.csr -out {name}.pem {valid}"
        ))?;
        Ok([self.folder.join(format!("{name}.pem")), self.folder.join(format!("{name}.key"))])
    }

    /// Revokes a certificate that it has issued.
    pub(crate) fn revoke(&self, certificate: &Path) -> anyhow::Result<()> {
        self.openssl(&format!("ca -config ca.cnf -revoke {}", certificate.display()))
    }

    /// Publishes its revocations, in the file that this names.
    pub(crate) fn publish(&self) -> anyhow::Result<PathBuf> {
        self.openssl("ca -config ca.cnf -gencrl -out authority.crl")?;
        Ok(self.folder.join("authority.crl"))
    }

    fn openssl(&self, line: &str) -> anyhow::Result<()> {
        let mut openssl = Command::new("openssl");
        openssl.args(line.split_whitespace()).current_dir(&self.folder);
        check(openssl.stdout(Stdio::null()).stderr(Stdio::null()))
    }
}
