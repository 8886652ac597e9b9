//! Who leads: the rule by which a champion is found and dethroned. It knows numbers only.

use super::tally::Measure;

/// How one model stands over the window that is judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Standing {
    /// The measure; `None` where nothing is there to measure.
    pub value: Option<f64>,
    /// Number of questions.
    pub n: u64,
}

/// The rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rule {
    /// What is compared.
    pub measure: Measure,
    /// By which share a challenger must be better.
    pub hysteresis: f64,
    /// Questions before a model may lead.
    pub min_questions: u64,
}

impl Rule {
    /// The new leader among `standings`, if the lead changes.
    ///
    /// A leader that has no question in the window any more has nothing to defend its place with: the best takes it. Of equals the first one leads.
    pub fn decide(&self, leader: Option<usize>, standings: &[Standing]) -> Option<usize> {
        let defended = leader.and_then(|leader| standings[leader].value);
        let mut best: Option<(usize, f64)> = None;
        for (place, standing) in standings.iter().enumerate() {
            let Some(value) = standing.value.filter(|_| standing.n >= self.min_questions && Some(place) != leader) else {
                continue;
            };
            let takes_over = defended.is_none_or(|defended| self.better(value, defended, self.hysteresis));
            if takes_over && best.is_none_or(|(_, best)| self.better(value, best, 0.0)) {
                best = Some((place, value));
            }
        }
        best.map(|(place, _)| place)
    }

    /// Whether `value` is better than `other` by more than the share `margin`.
    fn better(&self, value: f64, other: f64, margin: f64) -> bool {
        match self.measure {
            Measure::DirectionalAccuracy => value > other * (1.0 + margin),
            Measure::Mae | Measure::Rmse | Measure::Smape => value < other * (1.0 - margin),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Rule = Rule { measure: Measure::Mae, hysteresis: 0.1, min_questions: 3 };

    fn standings(values: &[(f64, u64)]) -> Vec<Standing> {
        values.iter().map(|(value, n)| Standing { value: (*n > 0).then_some(*value), n: *n }).collect()
    }

    #[test]
    fn the_first_champion_is_the_best_of_those_with_enough_questions() {
        assert_eq!(RULE.decide(None, &standings(&[(1.0, 2), (2.0, 2)])), None);
        assert_eq!(RULE.decide(None, &standings(&[(1.0, 2), (3.0, 3), (2.0, 9), (2.0, 9)])), Some(2));
    }

    #[test]
    fn a_challenger_must_be_better_by_more_than_the_hysteresis() {
        assert_eq!(RULE.decide(Some(0), &standings(&[(10.0, 9), (9.0, 9)])), None);
        assert_eq!(RULE.decide(Some(0), &standings(&[(10.0, 9), (8.99, 9), (8.0, 9), (7.0, 2)])), Some(2));
        assert_eq!(RULE.decide(Some(1), &standings(&[(10.0, 9), (8.99, 9)])), None);
    }

    #[test]
    fn a_leader_without_questions_gives_way() {
        assert_eq!(RULE.decide(Some(0), &standings(&[(0.0, 0), (9.0, 3)])), Some(1));
        assert_eq!(RULE.decide(Some(0), &standings(&[(0.0, 0), (9.0, 2)])), None);
    }

    #[test]
    fn more_right_directions_are_better() {
        let rule = Rule { measure: Measure::DirectionalAccuracy, ..RULE };
        assert_eq!(rule.decide(Some(0), &standings(&[(0.50, 9), (0.55, 9)])), None);
        assert_eq!(rule.decide(Some(0), &standings(&[(0.50, 9), (0.56, 9)])), Some(1));
        assert_eq!(rule.decide(None, &standings(&[(0.50, 9), (0.56, 9)])), Some(1));
    }
}
