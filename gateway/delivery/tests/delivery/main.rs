//! Delivery between a real spool and ledger and a cloud on loopback that does as it is told.

mod bulk2;
mod calls;
mod crowd;
mod damage;
mod doubt;
mod lies;
mod login;
mod nested;
mod soap;
mod support;
