//! A gateway that runs, as its operators handle it: reloads, and the commands that ask it.

#![allow(clippy::unwrap_used)] // a test that cannot go on must end

mod authority;
mod peers;
mod running;
mod wire;

mod asking;
mod at_rest;
mod balancers;
mod certificates;
mod damaged;
mod descriptors;
mod doubted;
mod flooding;
mod hops;
mod in_clear;
mod listeners;
mod locked_in;
mod login;
mod on_record;
mod proving;
mod relaying;
mod reloading;
mod scanning;
mod sending;
mod shaking;
mod tokens;
