//! Random numbers for tests: a printed seed repeats a run.

/// A small generator of its own (SplitMix64), so that a printed seed repeats a run.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// The seed of this run: `TIDEMILL_SEED`, or always the same.
pub fn seed() -> u64 {
    std::env::var("TIDEMILL_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_261_120)
}
