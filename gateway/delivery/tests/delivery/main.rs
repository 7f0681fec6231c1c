//! Delivery between a real spool and ledger and a cloud on loopback that does as it is told.

mod answers;
mod bulk2;
mod bulk2_lies;
mod calls;
mod certificate;
mod crowd;
mod damage;
mod doubt;
mod finding;
mod finding_restarted;
mod lies;
mod login;
mod merged;
mod nested;
mod order;
mod quotas;
mod soap;
mod support;
mod windows;
