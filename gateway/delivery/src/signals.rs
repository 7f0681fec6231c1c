//! What the header fields of an answer say of how much more the upstream takes.
//!
//! `RateLimit` as in draft-ietf-httpapi-ratelimit-headers-10, the three fields of drafts 00 to 06, and
//! `Sforce-Limit-Info`. What is ill-formed is ignored, whole. `Retry-After` is part of the verdict on an answer.

use http::HeaderMap;

/// Longest window that is believed, in seconds: what says more is taken for this.
const LONGEST: u64 = 86_400;

/// What an answer says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signals {
    /// The tightest window of those told.
    pub window: Option<Window>,
    /// Calls of the day, as the upstream counts them, those of others among them.
    pub usage: Option<Usage>,
}

/// So many calls are left for so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Calls; no promise.
    pub left: u64,
    /// Seconds until there are more.
    pub seconds: u64,
}

/// Calls of 24 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Made; the upstream counts late.
    pub used: u64,
    /// Allowed.
    pub total: u64,
}

impl Signals {
    /// What these fields say.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let window = match joined(headers, "ratelimit") {
            Some(text) => rate_limit(&text),
            None => older(headers),
        };
        let usage = joined(headers, "sforce-limit-info").and_then(|text| api_usage(&text));
        Self { window, usage }
    }

    /// Both: a later answer counts for more.
    pub(crate) fn and(self, later: Self) -> Self {
        Self { window: later.window.or(self.window), usage: later.usage.or(self.usage) }
    }
}

/// All lines of a field as one list (RFC 9110 section 5.3); `None` where there is none or one is not ASCII.
fn joined(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines: Option<Vec<&str>> = headers.get_all(name).iter().map(|line| line.to_str().ok()).collect();
    lines.filter(|lines| !lines.is_empty()).map(|lines| lines.join(", "))
}

/// `"default";r=50;t=30, "burst";r=3;t=1`: the item with the fewest left, the longest of those.
fn rate_limit(text: &str) -> Option<Window> {
    let items: Option<Vec<Window>> = split(text, ',')?.into_iter().map(item).collect();
    items?.into_iter().min_by_key(|window| (window.left, u64::MAX - window.seconds))
}

/// A string or token with parameters (RFC 8941 section 3.1); one without a time binds nothing.
fn item(text: &str) -> Option<Window> {
    let mut parts = split(text, ';')?.into_iter();
    let name = parts.next()?.trim();
    let quoted = name.len() >= 2 && name.starts_with('"') && name.ends_with('"');
    if !(quoted || is_token(name)) {
        return None;
    }
    let (mut left, mut seconds) = (None, None);
    for part in parts {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        match key.trim() {
            "r" => left = Some(number(value)?),
            "t" => seconds = Some(number(value)?),
            other if is_token(other) => {}
            _ => return None,
        }
    }
    Some(Window { left: left?, seconds: seconds.unwrap_or(0).min(LONGEST) })
}

/// The fields of drafts 00 to 06: `RateLimit-Remaining: 50`, `RateLimit-Reset: 30`.
fn older(headers: &HeaderMap) -> Option<Window> {
    let of = |name: &str| joined(headers, name).and_then(|text| number(&text));
    Some(Window { left: of("ratelimit-remaining")?, seconds: of("ratelimit-reset")?.min(LONGEST) })
}

/// `api-usage=18/5000; per-app-api-usage=17/250(appName=x)`: the first.
fn api_usage(text: &str) -> Option<Usage> {
    let told = text.split(';').find_map(|part| part.trim().strip_prefix("api-usage="))?;
    let (used, total) = told.split_once('/')?;
    let (used, total) = (number(used)?, number(total)?);
    (total > 0).then_some(Usage { used, total })
}

/// Parts of a list, not cut inside quotes; `None` where a quote is left open.
fn split(text: &str, at: char) -> Option<Vec<&str>> {
    let (mut parts, mut from, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (place, one) in text.char_indices() {
        match one {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            one if one == at && !quoted => {
                parts.push(&text[from..place]);
                from = place + one.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    (!quoted).then_some(parts)
}

fn is_token(text: &str) -> bool {
    text.bytes().next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'*')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&byte))
}

/// Digits, at most 15 as RFC 8941 has it.
fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = (1..=15).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn of(fields: &[(&str, &str)]) -> Signals {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
            headers.append(name, HeaderValue::from_str(value).expect("a value"));
        }
        Signals::of(&headers)
    }

    fn window(left: u64, seconds: u64) -> Option<Window> {
        Some(Window { left, seconds })
    }

    #[test]
    fn the_tightest_window_counts_in_either_form() {
        assert_eq!(of(&[("RateLimit", r#""default";r=50;t=30"#)]).window, window(50, 30));
        assert_eq!(of(&[("RateLimit", r#""day";r=100;t=4000, "burst";r=0;t=12"#)]).window, window(0, 12));
        assert_eq!(of(&[("RateLimit", r#""a, b;r=1";r=7;t=9"#)]).window, window(7, 9));
        assert_eq!(
            of(&[("RateLimit", r#""one";r=9;t=5"#), ("RateLimit", r#""two";r=2;t=5"#)]).window,
            window(2, 5)
        );
        assert_eq!(of(&[("RateLimit-Remaining", "3"), ("RateLimit-Reset", "60")]).window, window(3, 60));
        assert_eq!(of(&[("RateLimit", r#""d";r=0;t=999999999"#)]).window, window(0, 86_400));
    }

    #[test]
    fn what_is_ill_formed_is_ignored_whole() {
        for bad in [
            "",
            "50",
            r#""default""#,
            r#""default";r=-1;t=5"#,
            r#""default";r=1.5;t=5"#,
            r#""default";r=many"#,
            r#""default;r=1;t=5"#,
            r#""good";r=1;t=5, ;r=2"#,
            r#""default";r=99999999999999999999;t=1"#,
            "limit=100, remaining=50, reset=5",
        ] {
            assert_eq!(of(&[("RateLimit", bad)]).window, None, "{bad}");
        }
        assert_eq!(of(&[("RateLimit-Remaining", "3")]).window, None);
        assert_eq!(of(&[("RateLimit-Remaining", "3"), ("RateLimit-Reset", "Wed")]).window, None);
        // The draft's own field is there and broken: the older ones are not asked instead.
        assert_eq!(
            of(&[("RateLimit", "?"), ("RateLimit-Remaining", "3"), ("RateLimit-Reset", "6")]).window,
            None
        );
    }

    #[test]
    fn the_calls_of_the_day_are_read_as_salesforce_says_them() {
        let usage = |text| of(&[("Sforce-Limit-Info", text)]).usage;
        assert_eq!(usage("api-usage=18/5000"), Some(Usage { used: 18, total: 5_000 }));
        let both = "api-usage=25/5000; per-app-api-usage=17/250(appName=sample-connected-app)";
        assert_eq!(usage(both), Some(Usage { used: 25, total: 5_000 }));
        for bad in
            ["api-usage=18", "api-usage=a/b", "api-usage=1/0", "per-app-api-usage=17/250(appName=x)", ""]
        {
            assert_eq!(usage(bad), None, "{bad}");
        }
    }
}
