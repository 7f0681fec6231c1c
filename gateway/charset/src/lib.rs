//! Character encodings with an explicit policy for what does not map.
#![forbid(unsafe_code)]
