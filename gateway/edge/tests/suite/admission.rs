//! How many bodies are read at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use sekisho_edge::{Admission, LeastRate};

use crate::record_sets::RecordSet;
use crate::site::{Arrangement, Site, TOWN, until};
use crate::ways::Way;

fn narrow(uploads: usize) -> Site {
    Site::with(Arrangement { admission: uploads.into(), ..Arrangement::default() })
}

#[test]
fn twenty_uploads_share_four_places_and_all_arrive() {
    let site = narrow(4);
    let over = AtomicBool::new(false);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                if site.gateway.metrics.uploads.get() > 4 {
                    over.store(true, Ordering::SeqCst);
                }
                thread::yield_now();
            }
        });
        let clients: Vec<_> = (0..20)
            .map(|number| {
                let site = &site;
                scope.spawn(move || {
                    let way = Way::ALL[number % Way::ALL.len()];
                    let set = RecordSet::many_orders(300 + number as u64);
                    let answer = site.client().ask(way.request("/orders", &set));
                    assert!(answer.status < 300, "{way:?}: {answer}");
                    assert_eq!(answer.receipt().records, 300 + number as u64);
                })
            })
            .collect();
        // The watcher ends whatever became of the clients, or a failure would never be told.
        let ended: Vec<_> = clients.into_iter().map(thread::ScopedJoinHandle::join).collect();
        done.store(true, Ordering::SeqCst);
        watcher.join().unwrap();
        assert!(ended.iter().all(Result::is_ok), "a client failed");
    });
    assert!(!over.load(Ordering::SeqCst), "more bodies were read at once than may be");
    assert_eq!(site.batches().len(), 20);
    assert_eq!(site.spooled().len(), 20);
    assert_eq!(site.gateway.metrics.uploads.get(), 0);
}

#[test]
fn a_client_gone_in_the_middle_frees_its_place() {
    let site = narrow(1);
    for way in Way::ALL {
        for reset in [true, false] {
            let set = RecordSet::many_orders(50);
            let message = way.message(way.payload(&set).as_bytes());
            let mut client = site.client();
            client.send(message.head("/orders"));
            client.send(&message.body[..message.body.len() / 2]);
            until("its body is being read", || site.gateway.metrics.uploads.get() == 1);
            // The one place is taken: who comes now waits, unread.
            let mut next = site.client();
            next.send(way.request("/orders", &set));
            assert_eq!(site.gateway.metrics.uploads.get(), 1);
            if reset {
                client.vanish()
            } else {
                drop(client)
            }
            let answer = next.answer();
            assert!(answer.status < 300, "{way:?}: {answer}");
            until("nothing but the good batch is kept", || site.spooled() == [answer.receipt_id()]);
            site.gateway.spool.remove(answer.receipt_id().parse().unwrap()).unwrap();
        }
    }
    until("no place is taken", || site.gateway.metrics.uploads.get() == 0);
    assert_eq!(site.gateway.free_uploads(), 1);
}

#[test]
fn one_client_leaves_places_to_the_others() {
    let site = narrow(4);
    let message = Way::RestCsv.message(RecordSet::many_orders(5).csv().as_bytes());
    let begin = |_| {
        let mut client = site.client();
        client.send(message.head("/orders"));
        client
    };
    // Those that are served first below have to be those that have the places.
    let mut slow: Vec<_> = (0..2).map(begin).collect();
    until("the city has its share", || site.gateway.metrics.uploads.get() == 2);
    slow.extend((2..4).map(begin));
    let answer = site.client_from(TOWN).ask(message.to("/orders"));
    assert_eq!(answer.status, 202, "{answer}");
    assert_eq!(site.gateway.free_uploads(), 2, "the city's other two wait");
    for mut client in slow {
        assert_eq!(client.ask(&message.body).status, 202);
    }
    until("no place is taken", || site.gateway.free_uploads() == 4);
}

#[test]
fn a_body_that_drips_is_given_up() {
    let admission = Admission {
        least_rate: LeastRate { bytes_per_second: 1 << 40, window: Duration::from_millis(100) },
        ..Admission::from(64)
    };
    let site = Site::with(Arrangement { admission, ..Arrangement::default() });
    for way in Way::ALL {
        let message = way.message(way.payload(&RecordSet::many_orders(5)).as_bytes());
        let mut client = site.client();
        // At once: what came behind the refusal, on a machine that stalls, could not be sent any more.
        client.send([message.head("/orders").as_bytes(), &message.body[..message.body.len() / 2]].concat());
        let answer = client.answer();
        assert_eq!((answer.status, answer.refused().code.as_str()), (408, "body-slow"), "{way:?}");
        assert!(answer.closes() && client.is_closed());
    }
    let mut client = site.client();
    client.send(Way::Swa.message(b"x").head("/relay"));
    assert_eq!(client.answer().refused().code, "body-slow");
    site.assert_nothing_kept();
    assert_eq!(site.gateway.free_relay_kib(), 64 * 1024, "the relay's memory is free again");
}

#[test]
fn a_waiting_body_is_not_told_to_go_on() {
    let site = narrow(1);
    let message = Way::RestCsv.message(RecordSet::many_orders(1).csv().as_bytes());
    let mut first = site.client();
    first.send(message.head("/orders"));
    until("the first is being read", || site.gateway.metrics.uploads.get() == 1);
    let expecting = message.clone().with("Expect", "100-continue");
    let mut second = site.client();
    second.send(expecting.head("/orders"));
    assert_eq!(first.ask(&message.body).status, 202);
    assert_eq!(second.answer().status, 100, "only when its turn has come");
    assert_eq!(second.ask(&message.body).status, 202);
}

#[test]
fn a_client_that_falls_silent_is_not_waited_for() {
    let site = Site::edited(|route| route.limits.body_idle = std::time::Duration::from_millis(100));
    for way in Way::ALL {
        let message = way.message(way.payload(&RecordSet::many_orders(5)).as_bytes());
        let mut client = site.client();
        client.send([message.head("/orders").as_bytes(), &message.body[..message.body.len() / 2]].concat());
        let answer = client.answer();
        assert_eq!((answer.status, answer.refused().code.as_str()), (408, "body-idle"), "{way:?}");
        assert!(answer.closes() && client.is_closed());
    }
    site.assert_nothing_kept();
}
