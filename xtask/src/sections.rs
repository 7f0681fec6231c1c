//! Sections of the gateway's configuration that several commands write.

use std::net::SocketAddr;

use anyhow::ensure;

use crate::workspace::{Programs, root};

/// All that one client can send: it is the only one, and asks without a pause. For the section of a [`client`].
pub(crate) const WITHOUT_A_PAUSE: &str = "requests_per_second = 1_000_000\nrequests_at_once = 1_000_000\n";

/// One listener for these routes and one for operators, at addresses that are free; and the one client, from this machine.
pub(crate) fn listening(routes: &[&str]) -> String {
    listeners(routes) + &client("city", "127.0.0.0/8")
}

/// One listener for these routes and one for operators, at addresses that are free.
pub(crate) fn listeners(routes: &[&str]) -> String {
    format!(
        r#"[admin]
listen = "127.0.0.1:0"
[[listener]]
name = "lgwan"
listen = "127.0.0.1:0"
routes = {routes:?}
"#
    )
}

/// A client that is known by its network.
pub(crate) fn client(name: &str, network: &str) -> String {
    format!("[[client]]\nname = \"{name}\"\nnetworks = [\"{network}\"]\n")
}

/// One of the repository's schemas, pinned.
pub(crate) fn schema(programs: &Programs, name: &str, record: &str) -> anyhow::Result<String> {
    let file = root().join(format!("schemas/{name}.xsd"));
    let pinned = programs.command("sekisho").arg("pin").arg(&file).output()?;
    let (said, refused) = (String::from_utf8(pinned.stdout)?, String::from_utf8_lossy(&pinned.stderr));
    ensure!(pinned.status.success(), "the schema is refused: {refused}");
    let (file, digest) = (file.display(), said.trim());
    Ok(format!(
        "[[schema]]\nname = \"{name}\"\nfile = \"{file}\"\ndigest = \"{digest}\"\nrecord = \"{record}\"\n"
    ))
}

/// The reference cloud, which wants a login; a line of its probe may follow.
pub(crate) fn cloud(address: SocketAddr) -> String {
    format!(
        r#"[[upstream]]
name = "cloud"
[upstream.endpoint]
url = "http://{address}"
[upstream.endpoint.login]
kind = "client-credentials"
token_url = "http://{address}/services/oauth2/token"
client_id = "gateway"
client_secret_file = "client-secret"
[upstream.probe]
health = "/health"
"#
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test may panic

    use super::*;

    #[test]
    fn together_they_are_a_configuration_to_which_lines_may_be_added() {
        let listening = listening(&["orders", "rows"]);
        let cloud = cloud(([127, 0, 0, 1], 4711).into());
        let text = format!("{listening}{WITHOUT_A_PAUSE}{cloud}line_interval_ms = 200\n");
        let table: toml::Table = text.parse().unwrap();
        let section = |name: &str| table[name][0].as_table().unwrap().clone();
        assert_eq!(section("listener")["routes"], toml::Value::from(vec!["orders", "rows"]));
        assert_eq!(section("client")["requests_at_once"], toml::Value::from(1_000_000));
        let upstream = section("upstream");
        assert_eq!(upstream["endpoint"]["url"], toml::Value::from("http://127.0.0.1:4711"));
        assert_eq!(upstream["probe"]["line_interval_ms"], toml::Value::from(200));
    }
}
