//! What is said when there is no part to be had: one table for all that runs out.

use std::time::Duration;

use crate::refusal::{Class, Refusal};

/// Why there is no part to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// The client has its share.
    Share,
    /// All of it is taken.
    All,
}

/// What runs out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scarce {
    /// Places among the requests that are answered at once.
    Requests,
    /// Places among the bodies that are read at once.
    Uploads,
    /// Memory for relayed messages and their answers.
    Relays,
}

impl Scarce {
    /// The refusal of who got none of it.
    pub(crate) fn refusal(self, full: Full) -> Refusal {
        let (code, en, ja) = match (self, full) {
            (Self::Requests, Full::Share) => (
                "client-requests-full",
                "As many requests of this client are being answered as one client may have at once \
                 (limits.client_requests); come again later.",
                "この団体から同時に処理できる要求数の上限（limits.client_requests）に達しています。時間をおいて再送してください。",
            ),
            (Self::Requests, Full::All) => (
                "requests-full",
                "The gateway is answering as many requests as it may (limits.requests); come again later.",
                "同時に処理できる要求数の上限（limits.requests）に達しています。時間をおいて再送してください。",
            ),
            (Self::Uploads, Full::Share) => (
                "client-uploads-full",
                "As many messages of this client are being read as one client may have at once \
                 (limits.client_uploads); come again later.",
                "この団体から同時に受信できる電文数の上限（limits.client_uploads）に達しています。時間をおいて再送してください。",
            ),
            (Self::Uploads, Full::All) => (
                "uploads-full",
                "The gateway is reading as many messages as it may (limits.uploads); come again later.",
                "同時に受信できる電文数の上限（limits.uploads）に達しています。時間をおいて再送してください。",
            ),
            (Self::Relays, Full::Share) => (
                "client-relays-full",
                "Messages of this client that wait for the cloud take as much memory as those of one client may \
                 (limits.client_relay_bytes). Nothing was sent; come again later.",
                "この団体の中継待ち電文が上限（limits.client_relay_bytes）に達しています。何も送信していません。\
                 時間をおいて再送してください。",
            ),
            (Self::Relays, Full::All) => (
                "relays-full",
                "Messages that wait for the cloud take as much memory as they may (limits.relay_bytes). Nothing was \
                 sent; come again later.",
                "中継待ち電文が上限（limits.relay_bytes）に達しています。何も送信していません。時間をおいて再送してください。",
            ),
        };
        // A place among answers is free again at once; bodies and the cloud take their time.
        let again = if self == Self::Requests { 1 } else { 10 };
        Refusal::new(Class::Busy, code, en).ja(ja).retry_after(Duration::from_secs(again))
    }
}
