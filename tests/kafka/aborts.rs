//! What an aborted transaction leaves behind in the broker must not cost the next one anything.

use std::time::Duration;

use tidemill::log::{Log, LogError, Reaction};

use crate::common::waiting::Deadline;
use crate::connect;
use crate::kafka::proxy::{self, Api, Harm};
use crate::port_contract::{assert_reads, at, client, numbers, offsets, topic};

/// Records of an aborted transaction were written, but the answer is lost and they cannot be sent again before the abort. If the records of the next transaction had their sequence
/// numbers, the broker would take them for the same ones, say yes and drop them: they are as many, and in the same place, as when a batch is processed anew.
#[test]
fn records_after_an_abort_are_no_duplicates_of_what_was_aborted() {
    let _deadline = Deadline::of("records_after_an_abort_are_no_duplicates_of_what_was_aborted", Duration::from_secs(180));
    let Some((proxy, cluster)) = proxy::broker_behind_one() else { return };
    let address = cluster.brokers[0].address();
    let log = connect(&proxy.servers(), "i");
    log.create_topics(&[topic("in", 1), topic("out", 1)]).unwrap();
    let mut client = client(&log, "app", &["in"]);
    let commit = offsets(&[(&at("in", 0), 0)]);
    let patiently = |call: &mut dyn FnMut() -> Result<(), LogError>| {
        while let Err(error) = call() {
            assert_eq!(error.reaction(), Reaction::Retry, "{error}");
        }
    };

    client.produce(&at("out", 0), &numbers(0..5)).unwrap();
    patiently(&mut || client.commit(&commit));

    // The broker writes the markers of a transaction by way of the proxy too.
    assert_reads(&log, &at("out", 0), &[0, 1, 2, 3, 4]);

    // The connections that are there are all there will be, and the one to the partition's leader goes with the answer.
    proxy.refuse();
    let sent = std::thread::scope(|scope| {
        let harmed = scope.spawn(|| proxy.harm_next(Api::Produce, Harm::Cut, Duration::from_secs(30)));
        client.produce(&at("out", 0), &numbers(5..10)).unwrap();
        harmed.join().unwrap()
    });
    assert!(sent, "the records were written, and the answer to them cut off");
    patiently(&mut || client.abort());
    proxy.lead_to(&address);

    client.produce(&at("out", 0), &numbers(10..15)).unwrap();
    patiently(&mut || client.commit(&commit));
    let expected: Vec<u64> = (0..5).chain(10..15).collect();
    assert_reads(&connect(&address, "reader"), &at("out", 0), &expected);
}
