//! The simulation's random numbers: xoshiro256** (Blackman and Vigna, 2018), seeded by SplitMix64, as their authors advise.

use serde::{Deserialize, Serialize};

/// A stream of random numbers that depends on its seed alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Rng {
    state: [u64; 4],
}

impl Rng {
    /// The stream of `seed`.
    pub(super) fn new(seed: u64) -> Self {
        let mut mixer = seed;
        Rng { state: std::array::from_fn(|_| split_mix(&mut mixer)) }
    }

    /// A stream of its own for everything that has a name, so that coins do not depend on each other's draws.
    pub(super) fn named(seed: u64, name: &str) -> Self {
        // FNV-1a tells names apart; SplitMix64 does the mixing.
        let hash =
            name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
        Rng::new(seed ^ hash)
    }

    /// 64 random bits.
    pub(super) fn bits(&mut self) -> u64 {
        let s = &mut self.state;
        let result = s[1].wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// Uniform in `[0, 1)`, 53 bits.
    pub(super) fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Whether something of this probability happens now.
    pub(super) fn happens(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    /// Uniform in `low..=high`.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        // The bias of the modulo is below 2^-40 for the small ranges used here.
        low + self.bits() % (high - low + 1)
    }

    /// Nearly normal, mean 0 and variance 1: the sum of twelve 16-bit uniforms. It needs no logarithm and never leaves ±6; the fat tails of prices
    /// come from regimes, clustering and jumps.
    pub(super) fn normal(&mut self) -> f64 {
        let mut sum = 0u64;
        for _ in 0..3 {
            let bits = self.bits();
            sum += (bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48);
        }
        // Each uniform has mean 65535 / 2; all is exact until the last division.
        (sum as f64 - 12.0 * 32_767.5) / 65_536.0
    }
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn split_mix_gives_its_published_sequence() {
        // First outputs for the seed 1234567, from the reference implementation.
        let mut state = 1_234_567;
        let outputs: Vec<u64> = (0..3).map(|_| split_mix(&mut state)).collect();
        assert_eq!(outputs, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn moments_are_those_of_the_normal() {
        let mut rng = Rng::new(1);
        let draws: Vec<f64> = (0..200_000).map(|_| rng.normal()).collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let variance = draws.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / draws.len() as f64;
        assert!(mean.abs() < 0.01 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
    }

    #[test]
    fn names_have_streams_of_their_own() {
        assert_ne!(Rng::named(1, "BTC-USDT").bits(), Rng::named(1, "ETH-USDT").bits());
        assert_ne!(Rng::named(1, "BTC-USDT").bits(), Rng::named(2, "BTC-USDT").bits());
    }
}
