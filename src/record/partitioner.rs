//! Which partition a key belongs to: as Kafka's Java client decides it, so that our inputs and those of any Kafka producer agree.

/// The partition of `key` among `partitions`: MurmurHash2 of the key's bytes, made positive, modulo the number of partitions.
///
/// The same as the default partitioner of Kafka's Java client for records with a key (librdkafka calls it `murmur2_random`).
///
/// ```
/// assert_eq!(tidemill::record::partition_for_key(b"BTC-USDT", 1), 0);
/// ```
///
/// # Panics
/// When `partitions` is zero: a topic has at least one.
pub fn partition_for_key(key: &[u8], partitions: u32) -> u32 {
    assert!(partitions > 0, "a topic has at least one partition");
    // Kafka clears the sign bit rather than taking the absolute value.
    (murmur2(key) & 0x7fff_ffff) % partitions
}

/// MurmurHash2, 32 bits, with the seed Kafka uses.
pub fn murmur2(bytes: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    let mut hash = SEED ^ bytes.len() as u32;
    let (words, rest) = bytes.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k = (k ^ (k >> 24)).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ k;
    }
    if !rest.is_empty() {
        let tail = rest.iter().rev().fold(0u32, |tail, byte| tail << 8 | u32::from(*byte));
        hash = (hash ^ tail).wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_equal_those_of_kafkas_own_tests() {
        // Kafka, UtilsTest.testMurmur2.
        for (key, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(key.as_bytes()).cast_signed(), hash, "{key}");
        }
    }

    #[test]
    fn a_negative_hash_loses_its_sign_bit() {
        assert_eq!(partition_for_key(b"21", 7), (i64::from(-973_932_308i32 & 0x7fff_ffff) % 7) as u32);
        assert_eq!(partition_for_key(b"foobar", 1000), 166);
    }

    #[test]
    fn every_partition_is_used() {
        let mut seen = [0; 12];
        for n in 0..1200 {
            seen[partition_for_key(format!("COIN{n}-USDT").as_bytes(), 12) as usize] += 1;
        }
        assert!(seen.iter().all(|n| *n > 50), "{seen:?}");
    }
}
