//! The Kafka adapter of the log port against a real broker.
#![cfg(feature = "runtime")]

#[path = "../common/kafka/mod.rs"]
mod kafka;

#[test]
fn a_cluster_of_three_survives_the_loss_of_a_broker() {
    let Some(mut cluster) = kafka::available(kafka::Cluster::start(3)) else { return };
    cluster.brokers[0].kill9();
    cluster.wait_ready().unwrap();
    cluster.brokers[0].restart().unwrap();
    cluster.brokers[1].stop();
    cluster.wait_ready().unwrap();
    cluster.brokers[2].pause();
    cluster.brokers[2].resume();
    cluster.wait_ready().unwrap();
}
