//! The way in: listeners, admission, doors and the answers they give.
#![forbid(unsafe_code)]
