//! Which model a bandit trains next.

use serde::{Deserialize, Serialize};

use super::Judges;
use crate::{
    impl_snapshot,
    learn::{
        params::{above, above_to},
        random::Random,
        stats::Mean,
    },
};

crate::params! {
    /// Parameters of the epsilon-greedy policy.
    pub struct EpsilonGreedyParams {
        /// How often any of the models is trained instead of the best.
        epsilon: f64 = 0.1, in 0.0..=1.0;
        /// How fast that becomes rarer: epsilon is multiplied by the exponential of minus this times the number of updates.
        decay: f64 = 0.0, in 0.0..;
    }
}

crate::params! {
    /// Parameters of the policy of upper confidence bounds.
    pub struct UcbParams {
        /// How much a model that was seldom trained is favoured; 1 is UCB1.
        delta: f64 = 1.0, in above(0.0);
    }
}

crate::params! {
    /// Parameters of Exp3.
    pub struct Exp3Params {
        /// Which part of the choices is made evenly.
        gamma: f64 = 0.1, in above_to(0.0, 1.0);
    }
}

crate::params! {
    /// No parameters.
    pub struct ThompsonParams {}
}

crate::variants! {
    /// How a bandit decides which model to train.
    pub enum Policy {
        /// The best by the metric, and now and then any (Sutton and Barto, Reinforcement learning, 2018, section 2.2).
        EpsilonGreedy(EpsilonGreedyParams) = "epsilon_greedy",
        /// The one that could be the best at the upper end of its confidence interval (Auer, Cesa-Bianchi and Fischer 2002).
        Ucb(UcbParams) = "ucb",
        /// At random, by exponential weights of the rewards; makes no assumption on how rewards come about (Auer et al. 2002).
        Exp3(Exp3Params) = "exp3",
        /// The one whose reward, drawn from what is known of it, is the largest (Agrawal and Goyal 2013, with normal distributions).
        ThompsonSampling(ThompsonParams) = "thompson_sampling",
    }
}

impl Default for Policy {
    fn default() -> Self {
        Policy::EpsilonGreedy(EpsilonGreedyParams::default())
    }
}

/// What is known of the models as arms of a bandit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Arms {
    /// How often each was trained.
    counts: Vec<u64>,
    /// How often any was trained.
    updates: u64,
    /// The models that were trained or compared, in that order: among equals the first of these is the best.
    known: Vec<usize>,
    random: Random,
    rewards: Vec<Mean>,
    /// The mean size of the errors: what an ordinary error is.
    error: Mean,
    /// Of Exp3: the logarithms of the weights, the largest 0.
    logs: Vec<f64>,
    /// Of Exp3: how probable the last choice was.
    probability: f64,
}

impl_snapshot!(Arms);

impl Arms {
    /// Arms of `count` models that nothing is known of.
    pub fn new(count: usize, seed: u64) -> Self {
        Arms {
            counts: vec![0; count],
            updates: 0,
            known: Vec::new(),
            random: Random::new(seed),
            rewards: vec![Mean::default(); count],
            error: Mean::default(),
            logs: vec![0.0; count],
            probability: 1.0,
        }
    }

    /// How many arms there are.
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// How often model `k` was trained.
    pub fn count(&self, k: usize) -> u64 {
        self.counts[k]
    }

    /// The best of the models that are known, the first of equals; the first of all where none is known.
    pub fn best(&self, judges: &Judges, river_compat: bool) -> usize {
        largest(self.known.iter().map(|k| (*k, worth(judges, *k, river_compat)))).unwrap_or(0)
    }

    /// The model to train next.
    pub fn pull(&mut self, policy: &Policy, judges: &Judges, river_compat: bool) -> usize {
        self.probability = 1.0;
        match policy {
            Policy::EpsilonGreedy(params) => self.epsilon_greedy(params, judges, river_compat),
            Policy::Ucb(params) => self.ucb(params.delta, judges, river_compat),
            Policy::Exp3(params) => self.exp3(params.gamma),
            Policy::ThompsonSampling(_) => self.thompson(),
        }
    }

    fn epsilon_greedy(&mut self, params: &EpsilonGreedyParams, judges: &Judges, river_compat: bool) -> usize {
        let rarer = if params.decay > 0.0 { libm::exp(-(self.updates as f64) * params.decay) } else { 1.0 };
        if self.random.random() < params.epsilon * rarer {
            return self.random.below(self.len() as u64) as usize;
        }
        for k in 0..self.len() {
            self.know(k);
        }
        let untried = |k: usize| self.counts[k] == 0 && !river_compat;
        let worth = |k: usize| if untried(k) { f64::INFINITY } else { worth(judges, k, river_compat) };
        largest((0..self.len()).map(|k| (k, worth(k)))).unwrap_or(0)
    }

    fn ucb(&mut self, delta: f64, judges: &Judges, river_compat: bool) -> usize {
        let spread = 2.0 * libm::log(self.updates as f64);
        let bound = |k: usize| {
            if self.counts[k] == 0 {
                return f64::INFINITY;
            }
            let mean = if river_compat { judges.get(k) } else { self.rewards[k].get() };
            mean + delta * (spread / self.counts[k] as f64).sqrt()
        };
        let bounds: Vec<f64> = (0..self.len()).map(bound).collect();
        let top = bounds.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let candidates: Vec<usize> = (0..self.len()).filter(|k| bounds[*k] == top).collect();
        match candidates.as_slice() {
            [] => 0,
            [one] => *one,
            several => several[self.random.below(several.len() as u64) as usize],
        }
    }

    fn exp3(&mut self, gamma: f64) -> usize {
        let weights: Vec<f64> = self.logs.iter().map(|log| libm::exp(*log)).collect();
        let (sum, n): (f64, f64) = (weights.iter().sum(), self.len() as f64);
        let (drawn, mut below) = (self.random.random(), 0.0);
        for (k, w) in weights.iter().enumerate() {
            self.probability = (1.0 - gamma) * (w / sum) + gamma / n;
            below += self.probability;
            if drawn < below {
                return k;
            }
        }
        self.len() - 1
    }

    fn thompson(&mut self) -> usize {
        // A reward between 0 and 1 spreads by 1/2 at most; half a reward was seen once before the start.
        let draw = |k: usize| {
            let n = self.rewards[k].n() + 1.0;
            let mean = (self.rewards[k].get() * self.rewards[k].n() + 0.5) / n;
            self.random.gauss(mean, 0.5 / n.sqrt())
        };
        let draws: Vec<f64> = (0..self.counts.len()).map(draw).collect();
        largest(draws.into_iter().enumerate()).unwrap_or(0)
    }

    /// Notes that model `k` was trained, after an error of this size.
    pub fn update(&mut self, policy: &Policy, k: usize, error: f64) {
        self.know(k);
        self.counts[k] += 1;
        self.updates += 1;
        self.error.update(error, 1.0);
        let size = self.error.get() + error;
        let reward = if size > 0.0 && size.is_finite() { self.error.get() / size } else { f64::from(u8::from(error == 0.0)) };
        self.rewards[k].update(reward, 1.0);
        if let Policy::Exp3(params) = policy {
            self.logs[k] += params.gamma * reward / (self.probability * self.counts.len() as f64);
            let top = self.logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            // As in the exponentially weighted average: a smaller weight could not be seen.
            self.logs.iter_mut().for_each(|log| *log = (*log - top).max(-700.0));
        }
    }

    fn know(&mut self, k: usize) {
        if !self.known.contains(&k) {
            self.known.push(k);
        }
    }

    /// Whether these are arms of as many models as `other`, with positions that exist.
    pub fn fits(&self, other: &Arms) -> bool {
        let n = other.counts.len();
        [self.counts.len(), self.rewards.len(), self.logs.len()] == [n; 3] && self.known.iter().all(|k| *k < n)
    }
}

/// What model `k` is worth: the larger the better. River takes every metric for one that grows.
fn worth(judges: &Judges, k: usize, river_compat: bool) -> f64 {
    if river_compat || judges.bigger_is_better() { judges.get(k) } else { -judges.get(k) }
}

/// The position with the largest value, the first of equals.
fn largest(values: impl Iterator<Item = (usize, f64)>) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (k, value) in values {
        if best.is_none_or(|(_, top)| value > top) {
            best = Some((k, value));
        }
    }
    best.map(|(k, _)| k)
}
