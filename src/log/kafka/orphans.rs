//! Partitions that a rebalance has left to nobody.
//!
//! A cooperative rebalance that moves partitions takes two rounds: in the first the old owner gets a share without them, gives them up and joins once more; the
//! second hands them out. A static member that dies in between and comes back is given the share of the first round without any rebalance, and owes the second
//! to nobody: the group is stable, and the partitions have no owner until something else makes it rebalance. So each member looks, after every assignment, until it
//! has seen the group whole; if it does not become so, the member that loses least leaves the group and joins it again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::{debug, warn};

use super::members::members;
use super::settings::KafkaSettings;
use super::topics::Topics;
use crate::log::{ClientSettings, GroupMember, LogError};

/// Time from an assignment to the first look, and between looks: what goes well is over by then. It doubles each time that nobody can tell.
const PAUSE: Duration = Duration::from_secs(2);
/// Longest time between two looks.
const LONGEST: Duration = Duration::from_secs(30);
/// Longest wait for an answer: who asks does not poll.
const ANSWER: Duration = Duration::from_millis(500);
/// Looks at which a stable group has left partitions out before somebody acts. They double each time that this did not help, so that a group that stays so for a
/// reason unknown here is not made to rebalance all the time.
const PATIENCE: u32 = 2;

/// A member's look at its group.
pub(super) struct Watch {
    group: Arc<str>,
    topics: Vec<Arc<str>>,
    /// The next look; `None` once the group is whole.
    next: Option<Instant>,
    pause: Duration,
    /// Looks at which partitions had no owner, and how many of them are borne.
    seen: u32,
    patience: u32,
}

impl Watch {
    pub(super) fn new(client: &ClientSettings) -> Self {
        let (group, topics) = (client.application_id.clone(), client.topics.clone());
        Watch { group, topics, next: None, pause: PAUSE, seen: 0, patience: PATIENCE }
    }

    /// An assignment has come: looks begin.
    pub(super) fn begin(&mut self) {
        (self.next, self.pause, self.seen) = (Some(Instant::now() + PAUSE), PAUSE, 0);
    }

    /// Looks, if it is time; whether the member of this id is to join anew, because partitions stay without an owner.
    pub(super) fn calls_for(&mut self, member: impl Fn() -> String, topics: &Topics, settings: &KafkaSettings) -> bool {
        if self.next.is_none_or(|next| Instant::now() < next) {
            return false;
        }
        match self.orphans(topics, settings) {
            Ok((0, _)) => (self.next, self.patience) = (None, PATIENCE),
            Ok((orphans, members)) => {
                self.seen += 1;
                self.next = Some(Instant::now() + PAUSE);
                if self.seen >= self.patience && least(&members).is_some_and(|least| *least.id == *member()) {
                    warn!(
                        group = &*self.group,
                        orphans,
                        "a rebalance that was cut off has left partitions to nobody; joining the group anew, so that it deals them out"
                    );
                    (self.next, self.patience) = (None, self.patience.saturating_mul(2));
                    return true;
                }
            }
            Err(error) => {
                debug!(%error, "cannot see whether all partitions have an owner");
                self.pause = (self.pause * 2).min(LONGEST);
                self.next = Some(Instant::now() + self.pause);
            }
        }
        false
    }

    /// Number of partitions without an owner, and the members. While the group is rebalancing nobody can tell.
    fn orphans(&self, topics: &Topics, settings: &KafkaSettings) -> Result<(usize, Vec<GroupMember>), LogError> {
        let members = members(topics, settings, &self.group, ANSWER)?;
        if members.is_empty() {
            return Err(LogError::Retriable("the group is rebalancing".into()));
        }
        let mut partitions = 0;
        for topic in &self.topics {
            partitions += topics.count(topic)?.unwrap_or_default() as usize;
        }
        let owned = members.iter().map(|member| member.assignment.len()).sum();
        Ok((partitions.saturating_sub(owned), members))
    }
}

/// The member whose new beginning costs least: all agree on it.
fn least(members: &[GroupMember]) -> Option<&GroupMember> {
    members.iter().min_by_key(|member| (member.assignment.len(), &member.id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::TopicPartition;

    #[test]
    fn the_member_with_the_smallest_share_joins_anew() {
        let member = |id: &str, share: u32| GroupMember {
            id: id.into(),
            instance: "i".into(),
            ours: true,
            assignment: (0..share).map(|number| TopicPartition::new("in", number)).collect(),
        };
        let members = [member("a", 2), member("c", 0), member("b", 0)];
        assert_eq!(least(&members).map(|least| &*least.id), Some("b"));
        assert!(least(&[]).is_none());
    }
}
