//! What somebody may have meant who wrote a name that there is not.

/// The known name that is nearest to what was written, if any is near at all.
pub(crate) fn nearest<'k>(written: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let far = (written.chars().count() / 3).max(1);
    let plain = |name: &str| name.to_lowercase().replace('-', "_");
    let written = plain(written);
    known
        .into_iter()
        .map(|name| (strsim::osa_distance(&written, &plain(name)), name))
        .filter(|(distance, _)| *distance <= far)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_near_and_other_words_are_not() {
        let known = ["state", "place", "grace_ms", "keep_payload_seconds"];
        for (written, meant) in [
            ("staet", Some("state")),
            ("grace-ms", Some("grace_ms")),
            ("Place", Some("place")),
            ("keep_payload_second", Some("keep_payload_seconds")),
            ("listen", None),
            ("x", None),
        ] {
            assert_eq!(nearest(written, known), meant, "{written}");
        }
    }
}
