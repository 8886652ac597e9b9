//! Which tasks of other instances this one keeps warm: a pure decision from the members of the group.
//!
//! librdkafka has no place for an assignor of one's own, so a standby cannot ask for its partition. It is chosen the other way round: the instance that the sticky assignor
//! would give the partition to if its owner vanished. That assignor leaves what is assigned where it is and gives each free partition, in order, to the member with the fewest,
//! and among those to the one whose id comes first.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::log::GroupMember;

/// The partition numbers of `topic` that our instance is one of the first `replicas` standbys of.
pub(super) fn standby_partitions(members: &[GroupMember], topic: &str, replicas: u32) -> BTreeSet<u32> {
    let owned = |member: &GroupMember| -> Vec<u32> {
        let of_topic = member.assignment.iter().filter(|partition| &*partition.topic == topic);
        of_topic.map(|partition| partition.partition).collect()
    };
    let group: Vec<(&GroupMember, Vec<u32>)> = members.iter().map(|member| (member, owned(member))).collect();
    let others = group.iter().filter(|(member, _)| !member.ours);
    let tasks = others.flat_map(|(member, numbers)| numbers.iter().map(|number| (*number, &member.instance)));
    tasks.filter(|(number, owner)| is_standby(&group, *number, owner, replicas)).map(|(number, _)| number).collect()
}

/// Whether ours is among the first `replicas` instances that `number` would go to if its owner vanished, then its heir, and so on.
fn is_standby(group: &[(&GroupMember, Vec<u32>)], number: u32, owner: &Arc<str>, replicas: u32) -> bool {
    let mut gone = BTreeSet::from([owner]);
    for _ in 0..replicas {
        match heir(group, number, &gone) {
            Some(heir) if heir.ours => return true,
            Some(heir) => gone.insert(&heir.instance),
            None => return false,
        };
    }
    false
}

/// The member that `number` goes to when these instances are gone.
fn heir<'a>(group: &[(&'a GroupMember, Vec<u32>)], number: u32, gone: &BTreeSet<&Arc<str>>) -> Option<&'a GroupMember> {
    let is_gone = |member: &GroupMember| gone.contains(&member.instance);
    let mut loads: BTreeMap<&str, usize> = BTreeMap::new();
    let mut orphans: BTreeSet<u32> = BTreeSet::new();
    for (member, numbers) in group {
        match is_gone(member) {
            true => orphans.extend(numbers),
            false => drop(loads.insert(&member.id, numbers.len())),
        }
    }
    for orphan in orphans {
        let (id, load) = loads.iter_mut().min_by_key(|(id, load)| (**load, **id))?;
        *load += 1;
        if orphan == number {
            let id = *id;
            return group.iter().find(|(member, _)| &*member.id == id).map(|(member, _)| *member);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::TopicPartition;

    /// Members `a-0`, `a-1`, `b-0` … with their partitions; `ours` is the instance asked.
    fn standbys(ours: &str, replicas: u32, members: &[(&str, &[u32])]) -> Vec<u32> {
        let member = |(id, numbers): &(&str, &[u32])| GroupMember {
            id: (*id).into(),
            instance: id[..1].into(),
            ours: id.starts_with(ours),
            assignment: numbers.iter().map(|number| TopicPartition::new("in", *number)).collect(),
        };
        let members: Vec<GroupMember> = members.iter().map(member).collect();
        standby_partitions(&members, "in", replicas).into_iter().collect()
    }

    const THREE: &[(&str, &[u32])] = &[("a-0", &[0, 1]), ("b-0", &[2, 3]), ("c-0", &[4, 5])];

    #[test]
    fn the_heir_of_each_partition_is_its_standby() {
        // Without an owner the two others have two each; the one whose id comes first gets the first of its partitions.
        assert_eq!(standbys("a", 1, THREE), [2, 4]);
        assert_eq!(standbys("b", 1, THREE), [0, 5]);
        assert_eq!(standbys("c", 1, THREE), [1, 3]);
    }

    #[test]
    fn every_task_has_as_many_standbys_as_are_asked_for_and_never_its_owner() {
        for (replicas, expected) in [(0, 0), (1, 1), (2, 2), (9, 2)] {
            for number in 0..6 {
                let count = ["a", "b", "c"].iter().filter(|ours| standbys(ours, replicas, THREE).contains(&number)).count();
                assert_eq!(count, expected, "partition {number} with {replicas} replicas");
            }
        }
        assert_eq!(standbys("a", 9, THREE), [2, 3, 4, 5]);
    }

    #[test]
    fn one_with_nothing_to_do_is_everybodys_heir_until_it_has_as_much() {
        let members: &[(&str, &[u32])] = &[("a-0", &[0, 1, 2]), ("b-0", &[3, 4, 5]), ("c-0", &[])];
        assert_eq!(standbys("c", 1, members), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn all_threads_of_an_instance_vanish_together() {
        let members: &[(&str, &[u32])] = &[("a-0", &[0]), ("a-1", &[1]), ("b-0", &[2]), ("b-1", &[3])];
        assert_eq!(standbys("b", 1, members), [0, 1]);
        assert_eq!(standbys("a", 3, members), [2, 3]);
        assert!(standbys("a", 1, &members[..2]).is_empty(), "alone");
    }
}
