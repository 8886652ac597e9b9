//! Who is in a group, and what each member has been given.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::Consumer;
use rdkafka::groups::GroupMemberInfo;

use super::fault::At;
use super::settings::KafkaSettings;
use super::topics::Topics;
use crate::log::{GroupMember, LogError};
use crate::record::TopicPartition;

/// The state of a group whose members have what they were given.
const STABLE: &str = "Stable";

/// The members of a group; none while it is rebalancing. Waits no longer than `patience` for the answer.
pub(super) fn members(
    topics: &Topics,
    settings: &KafkaSettings,
    group: &str,
    patience: Duration,
) -> Result<Vec<GroupMember>, LogError> {
    let at = At { servers: &settings.servers, what: "ask for the members of a group" };
    let list = topics.consumer().fetch_group_list(Some(group), patience).map_err(|e| at.reading(&e))?;
    let stable = list.groups().iter().filter(|found| found.name() == group && found.state() == STABLE);
    Ok(stable.flat_map(|group| group.members()).map(|member| member_of(settings, member)).collect())
}

/// A thread's client id is the instance's id, a hyphen and the thread's number.
fn member_of(settings: &KafkaSettings, member: &GroupMemberInfo) -> GroupMember {
    let client = member.client_id();
    let instance = client.rsplit_once('-').map_or(client, |(instance, _)| instance);
    GroupMember {
        id: member.id().into(),
        instance: instance.into(),
        ours: instance == settings.instance_id(),
        assignment: member.assignment().and_then(read_assignment).unwrap_or_default(),
    }
}

/// Reads the consumer protocol's assignment: version, then topics with their partitions; whatever follows is the assignor's own. Integers are big endian.
fn read_assignment(bytes: &[u8]) -> Option<Vec<TopicPartition>> {
    let (_version, mut rest) = bytes.split_first_chunk::<2>()?;
    let mut partitions = Vec::new();
    for _ in 0..take_i32(&mut rest)? {
        let (length, tail) = rest.split_first_chunk::<2>()?;
        let (name, tail) = tail.split_at_checked(usize::try_from(i16::from_be_bytes(*length)).ok()?)?;
        rest = tail;
        let topic: Arc<str> = std::str::from_utf8(name).ok()?.into();
        for _ in 0..take_i32(&mut rest)? {
            partitions.push(TopicPartition::new(topic.clone(), u32::try_from(take_i32(&mut rest)?).ok()?));
        }
    }
    Some(partitions)
}

fn take_i32(rest: &mut &[u8]) -> Option<i32> {
    let (head, tail) = rest.split_first_chunk::<4>()?;
    *rest = tail;
    Some(i32::from_be_bytes(*head))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assignment_is_read_and_a_cut_one_is_none() {
        let mut bytes = vec![0, 1, 0, 0, 0, 2];
        for (topic, partitions) in [("in", &[3i32, 0][..]), ("other", &[7])] {
            bytes.extend((topic.len() as i16).to_be_bytes());
            bytes.extend(topic.as_bytes());
            bytes.extend((partitions.len() as i32).to_be_bytes());
            partitions.iter().for_each(|number| bytes.extend(number.to_be_bytes()));
        }
        let whole = bytes.len();
        bytes.extend([0xff; 4]);
        let expected = [("in", 3), ("in", 0), ("other", 7)].map(|(topic, number)| TopicPartition::new(topic, number));
        assert_eq!(read_assignment(&bytes).as_deref(), Some(&expected[..]));
        assert!((0..whole).all(|cut| read_assignment(&bytes[..cut]).is_none()));
        assert_eq!(read_assignment(&[0, 0, 0, 0, 0, 0]), Some(Vec::new()));
    }
}
