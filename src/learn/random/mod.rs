//! Random numbers from a seed: the generator and the draws of Python's `random.Random`, so that seeded models give the numbers of River's.

mod draws;
mod mersenne;

pub use mersenne::Random;
