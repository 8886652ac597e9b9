//! How weights are moved: optimisers, learning-rate schedules and losses with River's arithmetic.
//!
//! An optimiser is its parameters (one file each) and a flat vector of numbers that it keeps per weight. The flat vector lets the model take a step
//! back as a whole when a step would leave the finite numbers.

mod ada_bound;
mod ada_delta;
mod ada_grad;
mod ada_max;
mod adam;
mod ams_grad;
mod averager;
mod ftrl;
mod losses;
mod momentum;
mod nadam;
mod nesterov;
mod newton;
mod rms_prop;
mod schedulers;
mod sgd;

pub use ada_bound::AdaBoundParams;
pub use ada_delta::AdaDeltaParams;
pub use ada_grad::AdaGradParams;
pub use ada_max::AdaMaxParams;
pub use adam::AdamParams;
pub use ams_grad::AmsGradParams;
pub use averager::Averager;
pub use ftrl::FtrlParams;
pub use losses::{
    CauchyParams, EpsilonInsensitiveParams, HuberParams, Loss, NoLossParams, QuantileParams, epsilon_insensitive_loss,
    river_target,
};
pub use momentum::MomentumParams;
pub use nadam::NadamParams;
pub use nesterov::NesterovParams;
pub use newton::NewtonParams;
pub use rms_prop::RmsPropParams;
pub use schedulers::{ConstantParams, InverseScalingParams, LearningRate, OptimalParams, Schedule};
pub use sgd::SgdParams;

use serde::{Deserialize, Serialize};

use super::arithmetic::Arithmetic;

/// What one optimiser does to the weights. `t` counts the steps taken before this one; a gradient of NaN marks an absent feature, whose weight and
/// state stay as they are.
pub trait Step {
    /// The state before the first step of a model with `features` weights. Usually one or more blocks of `features` numbers.
    fn initial(&self, features: usize) -> Vec<f64>;

    /// The learning rate of step `t`; 0.0 for optimisers that have none.
    fn learning_rate(&self, t: u64) -> f64;

    /// Moves the weights of the features present in `x` before the prediction of a learning step is made.
    fn look_ahead(&self, _weights: &mut [f64], _x: &[f64], _state: &[f64]) {}

    /// One step along the gradient.
    fn step(&self, t: u64, weights: &mut [f64], gradient: &[f64], state: &mut [f64], math: Arithmetic);
}

crate::variants! {
    /// How weights follow the gradient.
    pub enum OptimizerSpec {
        /// Stochastic gradient descent.
        Sgd(SgdParams) = "sgd",
        /// Gradient descent with momentum.
        Momentum(MomentumParams) = "momentum",
        /// Momentum that looks ahead (Nesterov).
        Nesterov(NesterovParams) = "nesterov_momentum",
        /// Steps that shrink with the sum of squared gradients.
        AdaGrad(AdaGradParams) = "ada_grad",
        /// Steps scaled by the faded root mean square of the gradients.
        RmsProp(RmsPropParams) = "rms_prop",
        /// Steps scaled by the ratio of faded step and gradient sizes; needs no learning rate.
        AdaDelta(AdaDeltaParams) = "ada_delta",
        /// Momentum and scaled steps, both corrected for their start.
        Adam(AdamParams) = "adam",
        /// Adam whose scaling never grows back.
        AmsGrad(AmsGradParams) = "ams_grad",
        /// Adam with the maximum norm.
        AdaMax(AdaMaxParams) = "ada_max",
        /// Adam with Nesterov momentum.
        Nadam(NadamParams) = "nadam",
        /// Adam with bounds that turn it into gradient descent.
        AdaBound(AdaBoundParams) = "ada_bound",
        /// Follow the regularised leader, proximal.
        Ftrl(FtrlParams) = "ftrl_proximal",
        /// Online Newton step: second order, quadratic in the number of features.
        Newton(NewtonParams) = "newton",
    }
}

impl OptimizerSpec {
    fn step(&self) -> &dyn Step {
        match self {
            Self::Sgd(p) => p,
            Self::Momentum(p) => p,
            Self::Nesterov(p) => p,
            Self::AdaGrad(p) => p,
            Self::RmsProp(p) => p,
            Self::AdaDelta(p) => p,
            Self::Adam(p) => p,
            Self::AmsGrad(p) => p,
            Self::AdaMax(p) => p,
            Self::Nadam(p) => p,
            Self::AdaBound(p) => p,
            Self::Ftrl(p) => p,
            Self::Newton(p) => p,
        }
    }
}

/// An optimiser at work on the weights of one model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Optimizer {
    spec: OptimizerSpec,
    steps: u64,
    state: Vec<f64>,
    math: Arithmetic,
}

impl Optimizer {
    /// An optimiser for a model with `features` weights, with squares and roots as `math` takes them.
    pub fn new(spec: OptimizerSpec, features: usize, math: Arithmetic) -> Self {
        let state = spec.step().initial(features);
        Optimizer { spec, steps: 0, state, math }
    }

    /// How many steps have been taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The learning rate that the next step will use.
    pub fn learning_rate(&self) -> f64 {
        self.spec.step().learning_rate(self.steps)
    }

    /// See [`Step::look_ahead`].
    pub fn look_ahead(&self, weights: &mut [f64], x: &[f64]) {
        if let OptimizerSpec::Nesterov(params) = &self.spec {
            params.look_ahead(weights, x, &self.state);
        }
    }

    /// One step along the gradient, NaN for absent features.
    pub fn step(&mut self, weights: &mut [f64], gradient: &[f64]) {
        match &self.spec {
            // The default is called without the detour through the table of functions.
            OptimizerSpec::Sgd(params) => params.step(self.steps, weights, gradient, &mut self.state, self.math),
            spec => spec.step().step(self.steps, weights, gradient, &mut self.state, self.math),
        }
        self.steps += 1;
    }

    /// Whether every number kept is finite.
    pub fn is_finite(&self) -> bool {
        self.state.iter().all(|s| s.is_finite())
    }

    /// Copies the state to `undo`, for [`restore`](Self::restore).
    pub fn keep(&self, undo: &mut Vec<f64>) {
        undo.clear();
        undo.extend_from_slice(&self.state);
    }

    /// Takes the last step back, to the state that [`keep`](Self::keep) copied.
    pub fn restore(&mut self, undo: &[f64]) {
        self.state.copy_from_slice(undo);
        self.steps -= 1;
    }
}

/// The positions and gradients of the features that are present.
fn present(gradient: &[f64]) -> impl Iterator<Item = (usize, f64)> + '_ {
    gradient.iter().copied().enumerate().filter(|(_, g)| !g.is_nan())
}

/// `1 - beta^(t + 1)`: how much of its weight a faded mean that starts at zero has after step `t`.
fn start_correction(math: Arithmetic, beta: f64, t: u64) -> f64 {
    1.0 - math.power(beta, (t + 1) as f64)
}

#[cfg(test)]
mod tests;
