//! One metric a model, by which the models are compared.

use crate::{
    learn::{
        base::Metric,
        metrics::{MetricName, Rolling},
    },
    snapshot::Snapshot,
};

/// The metrics of several models, in the order of the models.
pub struct Judges {
    metric: MetricName,
    window: Option<usize>,
    of: Vec<Box<dyn Metric>>,
}

impl Judges {
    /// Judges of `count` models: since the start, or over the last `window` records each was judged on.
    pub fn new(metric: MetricName, window: Option<usize>, count: usize) -> Self {
        let judge = || window.map_or_else(|| metric.cumulative(), |n| Box::new(Rolling::new(metric, n)) as Box<dyn Metric>);
        Judges { metric, window, of: (0..count).map(|_| judge()).collect() }
    }

    /// Tells the judge of model `k` what it predicted.
    pub fn update(&mut self, k: usize, y: f64, prediction: f64) {
        self.of[k].update(y, prediction);
    }

    /// What the judge of model `k` says.
    pub fn get(&self, k: usize) -> f64 {
        self.of[k].get()
    }

    /// Whether model `a` is better than model `b`; not if they are equal.
    pub fn better(&self, a: usize, b: usize) -> bool {
        let (a, b) = (self.get(a), self.get(b));
        if self.metric.bigger_is_better() { a > b } else { a < b }
    }

    /// Whether a larger value is better.
    pub fn bigger_is_better(&self) -> bool {
        self.metric.bigger_is_better()
    }

    /// The same judges, having seen nothing.
    pub fn fresh(&self) -> Self {
        Judges::new(self.metric, self.window, self.of.len())
    }

    /// A copy with everything seen.
    pub fn learned(&self) -> Self {
        let mut copy = self.fresh();
        for (to, from) in copy.of.iter_mut().zip(&self.of) {
            let mut state = Vec::new();
            // A metric that cannot be written would fail every snapshot too; there is nothing to copy then.
            if from.save(&mut state).is_ok() && to.load(&state).is_err() {
                debug_assert!(false, "a metric does not read what it wrote");
            }
        }
        copy
    }

    /// The judges as parts of a state.
    pub fn parts(&self) -> impl Iterator<Item = &dyn Snapshot> {
        self.of.iter().map(|judge| &**judge as &dyn Snapshot)
    }

    /// The judges as parts of a state that is loaded.
    pub fn parts_mut(&mut self) -> impl Iterator<Item = &mut dyn Snapshot> {
        self.of.iter_mut().map(|judge| &mut **judge as &mut dyn Snapshot)
    }
}
