//! The generator MT19937 with Python's seeding.

use serde::{Deserialize, Serialize};

use crate::learn::arithmetic::Arithmetic;

/// Words of state.
const N: usize = 624;
/// How far the word that is mixed in stands ahead.
const M: usize = 397;

/// Python's `random.Random(seed)`: the same seed gives the same numbers, in the same order, as CPython 3.11.
///
/// The state is 624 words of 32 bits, a position in them, and the second half of a pair of normal numbers; it is kept in snapshots, so a restored
/// generator goes on with the next number. Not for secrets.
///
/// Reference: M. Matsumoto, T. Nishimura, "Mersenne Twister: a 623-dimensionally equidistributed uniform pseudo-random number generator", ACM
/// Transactions on Modeling and Computer Simulation 8(1), 1998.
///
/// ```
/// use tidemill::learn::random::Random;
///
/// let mut random = Random::new(42);
/// assert_eq!(random.random(), 0.6394267984578837);
/// assert_eq!(random.randint(1, 6), 1);
/// assert_eq!(random.poisson(6.0), 4);
/// assert_eq!(random.sample(5, 2), [4, 0]);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Random {
    // 24 * 26 = 624: serde knows arrays up to 32.
    words: Box<[[u32; 26]; 24]>,
    next: u32,
    pub(super) second_normal: Option<f64>,
    pub(super) arithmetic: Arithmetic,
}

impl Random {
    /// The generator of a seed.
    pub fn new(seed: u64) -> Self {
        Random::with_arithmetic(seed, Arithmetic::Native)
    }

    /// The generator of a seed; `arithmetic` takes the logarithms, sines and cosines of the draws that need them.
    pub fn with_arithmetic(seed: u64, arithmetic: Arithmetic) -> Self {
        let mut random = Random { words: Box::new([[0; 26]; 24]), next: N as u32, second_normal: None, arithmetic };
        // Python hands the seed over as its 32-bit digits, the lowest first, at least one.
        let digits = [seed as u32, (seed >> 32) as u32];
        random.seed(if digits[1] == 0 { &digits[..1] } else { &digits });
        random
    }

    fn words(&mut self) -> &mut [u32] {
        self.words.as_flattened_mut()
    }

    /// The initialisation by an array of the reference implementation.
    fn seed(&mut self, key: &[u32]) {
        let words = self.words();
        words[0] = 19_650_218;
        for i in 1..N {
            words[i] = mixed(words[i - 1]).wrapping_mul(1_812_433_253).wrapping_add(i as u32);
        }
        let (mut i, mut j) = (1, 0);
        for _ in 0..N.max(key.len()) {
            let previous = mixed(words[i - 1]).wrapping_mul(1_664_525);
            words[i] = (words[i] ^ previous).wrapping_add(key[j]).wrapping_add(j as u32);
            i = forward(words, i);
            j = (j + 1) % key.len();
        }
        for _ in 0..N - 1 {
            let previous = mixed(words[i - 1]).wrapping_mul(1_566_083_941);
            words[i] = (words[i] ^ previous).wrapping_sub(i as u32);
            i = forward(words, i);
        }
        words[0] = 0x8000_0000;
    }

    /// The next 32 bits.
    pub fn next_u32(&mut self) -> u32 {
        if self.next as usize >= N {
            twist(self.words());
            self.next = 0;
        }
        let mut y = self.words.as_flattened()[self.next as usize];
        self.next += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }
}

fn mixed(word: u32) -> u32 {
    word ^ (word >> 30)
}

/// The next place to seed; past the end it starts again behind the first word, which takes the last.
fn forward(words: &mut [u32], i: usize) -> usize {
    if i + 1 < N {
        return i + 1;
    }
    words[0] = words[N - 1];
    1
}

/// Makes the next 624 words.
fn twist(words: &mut [u32]) {
    let step = |word: u32, next: u32, ahead: u32| {
        let y = (word & 0x8000_0000) | (next & 0x7fff_ffff);
        ahead ^ (y >> 1) ^ (if y & 1 == 1 { 0x9908_b0df } else { 0 })
    };
    for i in 0..N - M {
        words[i] = step(words[i], words[i + 1], words[i + M]);
    }
    for i in N - M..N - 1 {
        words[i] = step(words[i], words[i + 1], words[i + M - N]);
    }
    words[N - 1] = step(words[N - 1], words[0], words[M - 1]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{decode, encode};

    #[test]
    fn seeds_of_one_and_two_words_give_pythons_bits() {
        // Expected: [random.Random(seed).getrandbits(32) for the first three] in CPython 3.11.
        for (seed, expected) in [
            (0, [3_626_764_237, 1_654_615_998, 3_255_389_356]),
            (42, [2_746_317_213, 478_163_327, 107_420_369]),
            ((1 << 63) - 1, [1_359_979_423, 2_819_855_560, 2_711_238_091]),
        ] {
            let mut random = Random::new(seed);
            assert_eq!(std::array::from_fn(|_| random.next_u32()), expected, "{seed}");
        }
    }

    #[test]
    fn a_restored_generator_goes_on_and_a_wrong_position_is_harmless() {
        let mut random = Random::new(7);
        random.gauss(0.0, 1.0);
        (0..1_000).for_each(|_| _ = random.next_u32());
        let mut restored: Random = decode(&encode(&random).unwrap()).unwrap();
        assert_eq!((random.gauss(0.0, 1.0), random.random()), (restored.gauss(0.0, 1.0), restored.random()));
        restored.next = u32::MAX;
        assert!((0.0..1.0).contains(&restored.random()));
    }
}
