//! Running statistics with River's arithmetic: one value in, nothing kept but the sums.

mod exact_mean;
mod mean;
mod shift;
mod sliding;
mod var;

pub use exact_mean::exact_mean;
pub use mean::Mean;
pub use shift::Shift;
pub use sliding::{Moments, Sliding, Summary};
pub use var::Var;
