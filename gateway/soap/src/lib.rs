//! SOAP envelopes, faults, SwA and MTOM packaging, and the gateway's own messages.
#![forbid(unsafe_code)]
