//! Running statistics of a target by group.

use serde::{Deserialize, Serialize};

use crate::learn::stats::Var;

crate::choices! {
    /// What is kept of each group.
    pub enum GroupHow {
        /// The arithmetic mean of all values so far.
        Mean = "mean",
        /// The sample standard deviation of all values so far; from the second one on.
        Std = "std",
    }
}

/// A running statistic of a target for each of a fixed number of groups: what was usual in this group so far (River's `TargetAgg` over a group
/// that is a number, such as the hour of the day).
///
/// ```
/// use tidemill::learn::feature_extraction::{GroupHow, GroupStat};
/// let mut by_hour = GroupStat::new(GroupHow::Mean, 24);
/// by_hour.learn(9, 1.0);
/// by_hour.learn(9, 2.0);
/// by_hour.learn(10, 8.0);
/// assert_eq!((by_hour.get(9), by_hour.get(10), by_hour.get(11)), (Some(1.5), Some(8.0), None));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupStat {
    how: GroupHow,
    groups: Vec<Var>,
}

impl GroupStat {
    /// Statistics of `groups` groups that have seen nothing.
    pub fn new(how: GroupHow, groups: usize) -> Self {
        GroupStat { how, groups: vec![Var::default(); groups] }
    }

    /// What is kept, and of how many groups.
    pub fn kind(&self) -> (GroupHow, usize) {
        (self.how, self.groups.len())
    }

    /// Takes a value of a group. A value that is not finite, or a group there is not, changes nothing.
    pub fn learn(&mut self, group: usize, value: f64) {
        if let Some(stat) = self.groups.get_mut(group).filter(|_| value.is_finite()) {
            stat.update(value, 1.0);
        }
    }

    /// The statistic of a group, once it has seen enough.
    pub fn get(&self, group: usize) -> Option<f64> {
        let stat = self.groups.get(group)?;
        match self.how {
            GroupHow::Mean => (stat.n() > 0.0).then(|| stat.mean()),
            GroupHow::Std => (stat.n() > 1.0).then(|| stat.get(1.0).sqrt()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_do_not_mix_and_poison_changes_nothing() {
        let mut stat = GroupStat::new(GroupHow::Std, 2);
        for (group, value) in [(0, 1.0), (1, 5.0), (0, 3.0), (0, f64::NAN), (7, 1.0)] {
            stat.learn(group, value);
        }
        assert_eq!((stat.get(0), stat.get(1), stat.get(7)), (Some(2.0f64.sqrt()), None, None));
    }
}
