//! Tests of the cloud's parts.
