//! Averaged weights.

use serde::{Deserialize, Serialize};

/// The running average of a model's weights and intercept over its steps: predictions made with it are steadier than with the last weights, while
/// learning goes on with the last ones.
///
/// River's `Averager` computes the same average but the linear models ignore it, so there it changes nothing; here it does what the literature says.
///
/// Reference: B. T. Polyak, A. B. Juditsky, "Acceleration of stochastic approximation by averaging", SIAM J. Control Optim. 30(4), 1992.
///
/// ```
/// use tidemill::learn::optim::Averager;
/// let mut averager = Averager::new(1, 1);
/// averager.update(&[8.0], 0.0); // step 0, before the start
/// assert_eq!(averager.get(), None);
/// averager.update(&[2.0], 0.0);
/// averager.update(&[4.0], 1.0);
/// assert_eq!(averager.get(), Some((&[3.0][..], 0.5)));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Averager {
    start: u64,
    steps: u64,
    weights: Vec<f64>,
    intercept: f64,
}

impl Averager {
    /// Averages the weights of `features` features from step `start` on.
    pub fn new(start: u64, features: usize) -> Self {
        Averager { start, steps: 0, weights: vec![0.0; features], intercept: 0.0 }
    }

    /// Takes the weights and intercept after a step.
    pub fn update(&mut self, weights: &[f64], intercept: f64) {
        self.steps += 1;
        if self.steps <= self.start {
            return;
        }
        let n = (self.steps - self.start) as f64;
        for (average, w) in self.weights.iter_mut().zip(weights) {
            *average += (w - *average) / n;
        }
        self.intercept += (intercept - self.intercept) / n;
    }

    /// The averages, once averaging has started.
    pub fn get(&self) -> Option<(&[f64], f64)> {
        (self.steps > self.start).then_some((&self.weights, self.intercept))
    }
}
