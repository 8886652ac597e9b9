//! Learning rates and how they fall over the steps.

use std::ops::RangeBounds;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Loss;
use crate::learn::params::{ChoiceInfo, NoRange, ParamError, ParamErrorKind, ParamValue, above};

crate::params! {
    /// The same rate at every step.
    pub struct ConstantParams {
        /// The rate.
        learning_rate: f64 = 0.01, in 0.0..;
    }
}

crate::params! {
    /// `rate / (t + 1)^power`.
    pub struct InverseScalingParams {
        /// The rate of the first step.
        learning_rate: f64 = 0.01, in 0.0..;
        /// How fast it falls.
        power: f64 = 0.5, in 0.0..;
    }
}

crate::params! {
    /// `1 / (alpha * (t0 + t))` with t0 from Bottou's rule.
    ///
    /// Reference: L. Bottou, "Stochastic gradient descent tricks", in Neural Networks: Tricks of the Trade, 2012.
    pub struct OptimalParams {
        /// The loss that the first rate is chosen for.
        loss: Loss = Loss::default();
        /// The regularisation strength that the rule assumes.
        alpha: f64 = 1e-4, in above(0.0);
    }
}

crate::variants! {
    /// How a learning rate falls over the steps.
    pub enum Schedule {
        /// Not at all.
        Constant(ConstantParams) = "constant",
        /// With a power of the number of steps.
        InverseScaling(InverseScalingParams) = "inverse_scaling",
        /// Bottou's rule.
        Optimal(OptimalParams) = "optimal",
    }
}

/// A learning rate: written as a number, or as a schedule such as `{ inverse_scaling = { learning_rate = 0.1, power = 0.5 } }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LearningRate(Schedule);

impl LearningRate {
    /// The same rate at every step.
    pub fn constant(rate: f64) -> Self {
        LearningRate(Schedule::Constant(ConstantParams { learning_rate: rate }))
    }

    /// The rate of step `t`, which counts from 0.
    pub fn get(&self, t: u64) -> f64 {
        match &self.0 {
            Schedule::Constant(p) => p.learning_rate,
            Schedule::InverseScaling(p) => p.learning_rate / libm::pow((t + 1) as f64, p.power),
            Schedule::Optimal(p) => 1.0 / (p.alpha * (first_step(p) + t as f64)),
        }
    }
}

/// The step number that the optimal schedule starts at.
fn first_step(params: &OptimalParams) -> f64 {
    let typical_weight = (1.0 / params.alpha.sqrt()).sqrt();
    let first_rate = typical_weight / params.loss.gradient(1.0, -typical_weight, false).max(1.0);
    1.0 / (first_rate * params.alpha)
}

impl ParamValue for LearningRate {
    type Scalar = NoRange;

    fn type_text() -> String {
        "number of 0 or more, or schedule".to_owned()
    }

    fn read_value(value: &Value, path: &[String]) -> Result<Self, Vec<ParamError>> {
        match value.as_f64() {
            Some(rate) if rate >= 0.0 && rate.is_finite() => Ok(LearningRate::constant(rate)),
            Some(rate) => {
                let message = format!("{rate} is out of range");
                Err(vec![ParamError::new(ParamErrorKind::OutOfRange, path, message, "at least 0")])
            }
            None => Schedule::read_value(value, path).map(LearningRate),
        }
    }

    fn to_value(&self) -> Value {
        match &self.0 {
            Schedule::Constant(p) => p.learning_rate.into(),
            schedule => schedule.to_value(),
        }
    }

    fn choices() -> Vec<ChoiceInfo> {
        Schedule::choices()
    }

    fn scalar_text(scalar: &NoRange) -> String {
        match *scalar {}
    }

    fn outside<R: RangeBounds<NoRange>>(&self, _: &R) -> Option<String> {
        None
    }
}
