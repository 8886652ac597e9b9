//! Which partition a key belongs to: the same answer as Apache Kafka's Java clients give.
//!
//! librdkafka's own default is CRC-32, so a coin written by a Java producer and by us would land in different partitions; hence murmur2 everywhere.

/// The 32-bit MurmurHash2 with Kafka's seed (Austin Appleby's public-domain algorithm; `org.apache.kafka.common.utils.Utils.murmur2`).
pub fn murmur2(bytes: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c ^ bytes.len() as u32;
    let mut words = bytes.chunks_exact(4);
    for word in &mut words {
        let mut k = u32::from_le_bytes(std::array::from_fn(|i| word[i])).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let tail = words.remainder();
    if !tail.is_empty() {
        hash ^= tail.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ hash >> 15
}

/// The partition of `key` in a topic of `partitions` partitions.
///
/// ```
/// assert_eq!(tidemill::log::partition_for_key(b"foobar", 1), 0);
/// ```
///
/// # Panics
/// When `partitions` is 0: no topic has none.
pub fn partition_for_key(key: &[u8], partitions: u32) -> u32 {
    (murmur2(key) & 0x7fff_ffff) % partitions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_equal_those_of_kafkas_own_test() {
        let known: [(&str, i32); 6] = [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ];
        for (text, hash) in known {
            assert_eq!(murmur2(text.as_bytes()) as i32, hash, "{text}");
        }
    }

    #[test]
    fn partitions_lie_in_range() {
        for n in 1..9 {
            assert!((0..500).all(|i: u32| partition_for_key(&i.to_le_bytes(), n) < n));
        }
    }
}
