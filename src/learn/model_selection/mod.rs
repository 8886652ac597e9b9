//! Choosing among models while they learn: by their measures so far, by a budget of updates, or by a bandit that trains few of them.

mod bandit;
mod greedy;
mod judges;
mod policy;
mod successive_halving;

pub use bandit::{BanditRegressor, BanditRegressorParams};
pub use greedy::{GreedyRegressor, GreedyRegressorParams};
pub use policy::{EpsilonGreedyParams, Exp3Params, Policy, ThompsonParams, UcbParams};
pub use successive_halving::{SuccessiveHalvingRegressor, SuccessiveHalvingRegressorParams};

use judges::Judges;
use policy::Arms;

use super::catalog::Entry;

/// The models of this family.
pub fn models() -> Vec<Entry> {
    vec![
        Entry::regressor::<GreedyRegressor>(),
        Entry::regressor::<SuccessiveHalvingRegressor>(),
        Entry::regressor::<BanditRegressor>(),
    ]
}
