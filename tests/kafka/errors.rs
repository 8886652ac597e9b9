//! Errors that a broker answers with, sorted by what the caller has to do: try again, abort, make a new client, stop.
//!
//! librdkafka's mock cluster answers with any error that it is told to. It accepts transactions and forgets them, so nothing here says anything of exactly once;
//! that is what the tests on a real broker are for.

use std::time::Duration;

use rdkafka::mocking::{MockCluster, MockCoordinator};
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey as Api, RDKafkaRespErr as Answer};
use tidemill::log::kafka::KafkaLog;
use tidemill::log::{Log, LogClient, LogError, LogEvent, Reaction};

use crate::common::waiting::{Deadline, wait_until};
use crate::connect;
use crate::kafka::unique;
use crate::port_contract::{PATIENCE, at, named, numbers, offsets, set_prefix, slot};

struct Mock {
    cluster: MockCluster<'static, DefaultProducerContext>,
    log: KafkaLog,
    _deadline: Deadline,
}

impl Mock {
    fn new(test: &str) -> Mock {
        Mock::of(test, 1)
    }

    fn of(test: &str, brokers: i32) -> Mock {
        let cluster = MockCluster::new(brokers).unwrap();
        set_prefix(String::new());
        ["in", "out"].iter().for_each(|topic| cluster.create_topic(&named(topic), 2, 1).unwrap());
        let log = connect(&cluster.bootstrap_servers(), "i");
        Mock { cluster, log, _deadline: Deadline::of(test, Duration::from_secs(180)) }
    }

    /// A client that has its partitions, alone in its group: the mock does not know a static member again.
    fn client(&self) -> Box<dyn LogClient> {
        self.client_of(&unique("app"))
    }

    fn client_of(&self, group: &str) -> Box<dyn LogClient> {
        let mut client = self.log.client(&slot(group, &["in"], 0, 1)).unwrap();
        let mut assigned = false;
        assert!(
            wait_until(PATIENCE, || {
                let events = client.poll(10, Duration::from_millis(100)).unwrap();
                assigned |= events.iter().any(|event| matches!(event, LogEvent::Assigned(_)));
                assigned
            }),
            "the client gets its partitions"
        );
        client
    }

    /// Puts out a record and commits, while the next requests of this kind are answered so.
    fn commit(&self, client: &mut dyn LogClient, api: Api, answers: &[Answer]) -> Result<(), LogError> {
        client.produce(&at("out", 0), &numbers(0..1))?;
        self.cluster.request_errors(api, answers);
        let outcome = client.commit(&offsets(&[(&at("in", 0), 0), (&at("in", 1), 0)]));
        self.cluster.clear_request_errors(api);
        outcome
    }
}

#[test]
fn what_passes_by_itself_is_waited_out_and_the_commit_succeeds() {
    use Answer::*;
    let mock = Mock::new("what_passes_by_itself_is_waited_out_and_the_commit_succeeds");
    let mut client = mock.client();
    for (api, answer) in [
        (Api::AddPartitionsToTxn, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS),
        (Api::AddOffsetsToTxn, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS),
        (Api::AddOffsetsToTxn, RD_KAFKA_RESP_ERR_NOT_COORDINATOR),
        (Api::TxnOffsetCommit, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE),
        (Api::TxnOffsetCommit, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT),
        (Api::EndTxn, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS),
        (Api::EndTxn, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS),
        (Api::Produce, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION),
        (Api::Produce, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS),
    ] {
        let mut outcome = mock.commit(&mut *client, api, &[answer, answer]);
        // It may take longer than one call waits: then the same call goes on.
        while matches!(&outcome, Err(error) if error.reaction() == Reaction::Retry) {
            outcome = client.commit(&offsets(&[(&at("in", 0), 0), (&at("in", 1), 0)]));
        }
        assert_eq!(outcome, Ok(()), "{api:?} {answer:?}");
    }
}

#[test]
fn what_loses_the_transaction_is_aborted_and_the_client_goes_on() {
    use Answer::*;
    let mock = Mock::new("what_loses_the_transaction_is_aborted_and_the_client_goes_on");
    let mut client = mock.client();
    for (api, answer) in [
        (Api::TxnOffsetCommit, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID),
        (Api::TxnOffsetCommit, RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID),
        (Api::Produce, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE),
        (Api::Produce, RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS),
    ] {
        let error = mock.commit(&mut *client, api, &[answer]).unwrap_err();
        assert_eq!(error.reaction(), Reaction::Abort, "{api:?} {answer:?}: {error}");
        client.abort().unwrap();
        let mut again = mock.commit(&mut *client, Api::EndTxn, &[]);
        if matches!(&again, Err(error) if error.reaction() == Reaction::Abort) {
            // A record that the broker refused leaves a gap in the producer's sequence, which costs one more transaction.
            client.abort().unwrap();
            again = mock.commit(&mut *client, Api::EndTxn, &[]);
        }
        assert_eq!(again, Ok(()), "after {api:?} {answer:?}");
    }
}

#[test]
fn a_transaction_that_a_rebalance_overtakes_goes_into_another_one() {
    let mock = Mock::new("a_transaction_that_a_rebalance_overtakes_goes_into_another_one");
    let mut client = mock.client();
    let overtaken = [Answer::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION; 5];
    for times in [1, 4] {
        assert_eq!(mock.commit(&mut *client, Api::TxnOffsetCommit, &overtaken[..times]), Ok(()), "{times} times");
    }
    let error = mock.commit(&mut *client, Api::TxnOffsetCommit, &overtaken).unwrap_err();
    assert_eq!(error.reaction(), Reaction::Abort, "{error}");
    client.abort().unwrap();
    assert_eq!(mock.commit(&mut *client, Api::EndTxn, &[]), Ok(()));
}

#[test]
fn a_coordinator_that_is_gone_holds_no_commit_up_for_ever() {
    let mock = Mock::of("a_coordinator_that_is_gone_holds_no_commit_up_for_ever", 2);
    let group = unique("app");
    let coordinator = |broker| mock.cluster.coordinator(MockCoordinator::Group(group.clone()), broker).unwrap();
    let transactional_id = format!("{group}-i-0");
    mock.cluster.coordinator(MockCoordinator::Transaction(transactional_id), 1).unwrap();
    ["in", "out"].iter().for_each(|topic| (0..2).for_each(|n| mock.cluster.partition_leader(&named(topic), n, Some(1)).unwrap()));
    coordinator(2);
    let mut client = mock.client_of(&group);
    assert_eq!(mock.commit(&mut *client, Api::EndTxn, &[]), Ok(()));
    mock.cluster.broker_down(2).unwrap();
    let error = mock.commit(&mut *client, Api::EndTxn, &[]).unwrap_err();
    assert_eq!(error.reaction(), Reaction::Abort, "{error}");
    client.abort().unwrap();
    coordinator(1);
    let mut outcome = mock.commit(&mut *client, Api::EndTxn, &[]);
    // The member has to find its new coordinator too.
    while matches!(&outcome, Err(error) if error.reaction() == Reaction::Retry) {
        outcome = client.commit(&offsets(&[(&at("in", 0), 0), (&at("in", 1), 0)]));
    }
    assert_eq!(outcome, Ok(()));
}

#[test]
fn what_fences_the_client_costs_the_client() {
    use Answer::*;
    let mock = Mock::new("what_fences_the_client_costs_the_client");
    for (api, answer) in [
        (Api::AddOffsetsToTxn, RD_KAFKA_RESP_ERR_PRODUCER_FENCED),
        (Api::AddOffsetsToTxn, RD_KAFKA_RESP_ERR_INVALID_TXN_STATE),
        (Api::TxnOffsetCommit, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH),
        (Api::EndTxn, RD_KAFKA_RESP_ERR_PRODUCER_FENCED),
        (Api::EndTxn, RD_KAFKA_RESP_ERR_INVALID_TXN_STATE),
    ] {
        let mut client = mock.client();
        let error = mock.commit(&mut *client, api, &[answer]).unwrap_err();
        assert_eq!(error.reaction(), Reaction::Replace, "{api:?} {answer:?}: {error}");
        let later = client.poll(1, Duration::ZERO).unwrap_err();
        assert_eq!(later.reaction(), Reaction::Replace, "a lost client says so at every call: {later}");
        assert_eq!(mock.commit(&mut *mock.client(), Api::EndTxn, &[]), Ok(()), "another client commits");
    }
}

#[test]
fn what_is_forbidden_stops_with_a_word_about_access() {
    use Answer::*;
    let mock = Mock::new("what_is_forbidden_stops_with_a_word_about_access");
    for (api, answer) in [
        (Api::AddOffsetsToTxn, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED),
        (Api::AddOffsetsToTxn, RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED),
        (Api::TxnOffsetCommit, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED),
        (Api::EndTxn, RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED),
    ] {
        let mut client = mock.client();
        let error = mock.commit(&mut *client, api, &[answer]).unwrap_err();
        assert_eq!(error.reaction(), Reaction::Stop, "{api:?} {answer:?}: {error}");
        assert!(error.to_string().contains("access rules"), "{error}");
    }
}

#[test]
fn questions_are_asked_again_unless_they_are_forbidden() {
    use Answer::*;
    let mock = Mock::new("questions_are_asked_again_unless_they_are_forbidden");
    let mut client = mock.client();
    mock.cluster.request_errors(Api::OffsetFetch, &[RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS]);
    let answer = client.committed(&[at("in", 0)]);
    assert!(answer.is_ok() || answer.is_err_and(|error| error.reaction() == Reaction::Retry));
    mock.cluster.request_errors(Api::OffsetFetch, &[RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED]);
    let error = client.committed(&[at("in", 0)]).unwrap_err();
    assert_eq!(error.reaction(), Reaction::Stop, "{error}");
}

#[test]
fn a_member_whose_name_was_taken_is_replaced() {
    let mock = Mock::new("a_member_whose_name_was_taken_is_replaced");
    let mut client = mock.client();
    mock.cluster.request_errors(Api::Heartbeat, &[Answer::RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID]);
    let mut told = None;
    assert!(
        wait_until(PATIENCE, || {
            told = client.poll(10, Duration::from_millis(100)).err();
            told.is_some()
        }),
        "a fenced member is told"
    );
    let error = told.expect("it was told");
    assert_eq!(error.reaction(), Reaction::Replace, "{error}");
    assert_eq!(client.committed(&[at("in", 0)]).unwrap_err().reaction(), Reaction::Replace, "at every later call too");
}
