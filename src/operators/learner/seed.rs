//! The seed of a model: its own for every learner and coin, whatever else the topology or the partition holds.

use sha2::{Digest, Sha256};

/// The seed of the model of learner `name` for `coin`: the first eight bytes, little endian, of the SHA-256 of the topology's seed (eight bytes, little
/// endian), the name, a zero byte and the coin. It does not depend on the order in which learners are declared or coins appear.
///
/// ```
/// use tidemill::operators::learner::derive_seed;
/// assert_ne!(derive_seed(7, "knn", "BTC-USDT"), derive_seed(7, "knn", "ETH-USDT"));
/// assert_eq!(derive_seed(7, "knn", "BTC-USDT"), derive_seed(7, "knn", "BTC-USDT"));
/// ```
pub fn derive_seed(topology_seed: u64, name: &str, coin: &str) -> u64 {
    let mut hasher = Sha256::new();
    hasher.update(topology_seed.to_le_bytes());
    hasher.update(name.as_bytes());
    hasher.update([0]);
    hasher.update(coin.as_bytes());
    let digest = hasher.finalize();
    u64::from_le_bytes(std::array::from_fn(|i| digest[i]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_derivation_is_fixed_for_ever() {
        // A change would give every stored random model another stream.
        assert_eq!(derive_seed(7, "knn", "BTC-USDT"), u64::from_le_bytes(sha_prefix(b"\x07\0\0\0\0\0\0\0knn\0BTC-USDT")));
    }

    fn sha_prefix(bytes: &[u8]) -> [u8; 8] {
        let digest = Sha256::digest(bytes);
        std::array::from_fn(|i| digest[i])
    }
}
