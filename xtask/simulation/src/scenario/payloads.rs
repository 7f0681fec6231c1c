//! What clients send.

use std::time::Duration;

use super::{Content, Payload, Route, within};

/// Keys that records have.
const KEYS: u32 = 20;

/// Members that a record has at the most.
const MEMBERS: usize = 3;

pub(super) fn payload(routes: &[Route], random: &mut fastrand::Rng) -> Payload {
    let number = random.usize(..routes.len());
    let route = &routes[number];
    let records = random.usize(1..=16);
    let mut keys: Vec<u32> = (0..KEYS).collect();
    random.shuffle(&mut keys);
    keys.truncate(records);
    if random.u8(..3) == 0 {
        // Some keys take the places of others.
        for _ in 0..random.usize(1..=4) {
            let (from, to) = (random.usize(..records), random.usize(..records));
            keys[to] = keys[from];
        }
    }
    let (bad, poison) = (random.u8(..3) == 0, random.u8(..8) == 0);
    let content = |key: u32| {
        let rows = if route.members { random.usize(0..=MEMBERS) } else { 1 };
        let poison = poison && random.u8(..10) == 0;
        let bad: Vec<bool> = (0..rows).map(|_| bad && random.u8(..6) == 0).collect();
        if route.whole {
            return Content { key, poison: poison || bad.contains(&true), bad: vec![false; rows] };
        }
        Content { key, poison, bad }
    };
    let records = keys.into_iter().map(content).collect();
    let mut sometimes = |of: u8| (random.u8(..of) == 0).then(|| within(random, Duration::from_secs(60)));
    let (expires, cancelled) = (sometimes(6), sometimes(8));
    Payload { at: within(random, Duration::from_secs(20)), route: number, records, expires, cancelled }
}
