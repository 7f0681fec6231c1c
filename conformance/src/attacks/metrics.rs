//! What the gateway's metrics say, so that what nobody is told can be seen all the same.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::ensure;

/// A page of metrics: samples by name and labels.
#[derive(Clone, Debug, Default)]
pub(super) struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    /// Reads the page of the admin listener.
    ///
    /// # Errors
    /// It is not answered.
    pub(super) fn of(admin: SocketAddr) -> anyhow::Result<Self> {
        let mut stream = TcpStream::connect(admin)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        stream.write_all(
            format!("GET /metrics HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n").as_bytes(),
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        ensure!(answer.starts_with("HTTP/1.1 200"), "the metrics are not answered");
        Ok(Self::read(&answer))
    }

    fn read(page: &str) -> Self {
        let samples = page.lines().filter(|line| line.starts_with("sekisho_"));
        Self(
            samples
                .filter_map(|line| {
                    let (name, value) = line.rsplit_once(' ')?;
                    Some((name.to_owned(), value.parse().ok()?))
                })
                .collect(),
        )
    }

    /// The sum of the samples of that name with that label; of all of them where there is no label.
    pub(super) fn sum(&self, name: &str, label: &str) -> f64 {
        self.0
            .iter()
            .filter(|(at, _)| at.split('{').next() == Some(name) && at.contains(label))
            .map(|(_, value)| value)
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_summed_by_name_and_label() {
        let page = "# HELP\nsekisho_a{code=\"x\",l=\"1\"} 2\nsekisho_a{code=\"y\",l=\"1\"} 3\nsekisho_ab 7\n";
        let metrics = Metrics::read(page);
        assert_eq!(metrics.sum("sekisho_a", "").to_string(), "5");
        assert_eq!(metrics.sum("sekisho_a", "code=\"x\"").to_string(), "2");
    }
}
