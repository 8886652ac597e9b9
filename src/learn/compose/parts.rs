//! The state of a whole made of parts: each part's bytes with its length before it.

use crate::snapshot::{Snapshot, SnapshotError};

/// Appends the states of `parts`, in order, to `out`.
///
/// # Errors
/// When a part cannot be encoded.
pub fn save_parts(parts: &[&dyn Snapshot], out: &mut Vec<u8>) -> Result<(), SnapshotError> {
    for part in parts {
        let start = out.len();
        out.extend_from_slice(&[0; 8]);
        part.save(out)?;
        let length = (out.len() - start - 8) as u64;
        out[start..start + 8].copy_from_slice(&length.to_le_bytes());
    }
    Ok(())
}

/// Takes the states that [`save_parts`] wrote for the same parts; all of `bytes` must be used.
///
/// # Errors
/// When the bytes do not decode; every part is then as it was before.
pub fn load_parts(parts: &mut [&mut dyn Snapshot], bytes: &[u8]) -> Result<(), SnapshotError> {
    let states = split(bytes, parts.len())?;
    let mut before = vec![Vec::new(); parts.len()];
    for (part, kept) in parts.iter().zip(&mut before) {
        part.save(kept)?;
    }
    for position in 0..parts.len() {
        if let Err(error) = parts[position].load(states[position]) {
            for (part, kept) in parts[..position].iter_mut().zip(&before) {
                part.load(kept)?;
            }
            return Err(error);
        }
    }
    Ok(())
}

/// The bytes of each of `count` parts.
fn split(bytes: &[u8], count: usize) -> Result<Vec<&[u8]>, SnapshotError> {
    let damaged = || SnapshotError::Decode(format!("the state does not hold {count} parts"));
    let (mut rest, mut states) = (bytes, Vec::with_capacity(count));
    for _ in 0..count {
        let (length, after) = rest.split_first_chunk::<8>().ok_or_else(damaged)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| damaged())?;
        let (state, after) = after.split_at_checked(length).ok_or_else(damaged)?;
        states.push(state);
        rest = after;
    }
    if rest.is_empty() { Ok(states) } else { Err(damaged()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::{base::Forecaster, dummy::Naive};

    fn naive(last: f64) -> Naive {
        let mut naive = Naive::default();
        naive.learn_one(last, &[]);
        naive
    }

    #[test]
    fn parts_come_back_and_a_broken_part_changes_none() {
        let mut bytes = Vec::new();
        save_parts(&[&naive(1.0), &naive(2.0)], &mut bytes).unwrap();
        let (mut a, mut b) = (naive(8.0), naive(9.0));
        assert!(load_parts(&mut [&mut a, &mut b], &bytes[..bytes.len() - 1]).is_err());
        let mut broken = bytes.clone();
        let second = bytes.len() - 9;
        broken[second] = 7; // no such option tag
        assert!(load_parts(&mut [&mut a, &mut b], &broken).is_err());
        assert_eq!((a.forecast(1, &[]), b.forecast(1, &[])), (vec![8.0], vec![9.0]));
        load_parts(&mut [&mut a, &mut b], &bytes).unwrap();
        assert_eq!((a.forecast(1, &[]), b.forecast(1, &[])), (vec![1.0], vec![2.0]));
    }
}
