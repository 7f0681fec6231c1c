//! A gateway that runs, as its operators handle it: reloads, and the commands that ask it.

#![allow(clippy::unwrap_used)] // a test that cannot go on must end

mod running;
mod wire;

mod asking;
mod certificates;
mod damaged;
mod hops;
mod listeners;
mod reloading;
mod sending;
