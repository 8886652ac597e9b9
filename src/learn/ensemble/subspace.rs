//! Which features a member of an ensemble sees.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::learn::{
    params::{NoRange, ParamError, ParamErrorKind, ParamValue},
    random::Random,
};

/// How many features a member sees.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum SubspaceSize {
    /// So many.
    Count(usize),
    /// This share of all, above 0 and at most 1; at least two where there are more.
    Share(f64),
    /// The root of their number, and one more.
    Sqrt,
    /// All but the root of their number, and one more.
    Rmsqrt,
}

impl SubspaceSize {
    /// How many of `n` features.
    pub fn of(self, n: usize) -> usize {
        // Python rounds halves to even numbers.
        let root = (n as f64).sqrt().round_ties_even() as usize;
        let size = match self {
            SubspaceSize::Count(count) => count,
            SubspaceSize::Share(share) => {
                let k = (n as f64 * share).round_ties_even() as usize;
                if k < 2 { k + 1 } else { k }
            }
            SubspaceSize::Sqrt => root + 1,
            SubspaceSize::Rmsqrt => (n + 1).saturating_sub(root),
        };
        let size = if size == 1 && n > 2 && n <= 20 { 2 } else { size };
        size.clamp(1, n.max(1))
    }
}

impl ParamValue for SubspaceSize {
    type Scalar = NoRange;

    fn type_text() -> String {
        "share such as 0.6, whole number of features, \"sqrt\" or \"rmsqrt\"".to_owned()
    }

    fn read_value(value: &Value, path: &[String]) -> Result<Self, Vec<ParamError>> {
        let outside = |found: String| {
            vec![ParamError::new(
                ParamErrorKind::OutOfRange,
                path,
                format!("{found} is out of range"),
                "a share above 0 and at most 1.0, or a whole number of at least 1",
            )]
        };
        match value {
            Value::String(name) if name == "sqrt" => Ok(SubspaceSize::Sqrt),
            Value::String(name) if name == "rmsqrt" => Ok(SubspaceSize::Rmsqrt),
            Value::Number(number) => match (number.as_u64(), number.as_f64()) {
                (Some(count), _) if count >= 1 => Ok(SubspaceSize::Count(count as usize)),
                (None, Some(share)) if share > 0.0 && share <= 1.0 => Ok(SubspaceSize::Share(share)),
                _ => Err(outside(number.to_string())),
            },
            _ => Err(vec![ParamError::wrong_type(path, value, Self::type_text())]),
        }
    }

    fn to_value(&self) -> Value {
        match self {
            SubspaceSize::Count(count) => Value::from(*count),
            SubspaceSize::Share(share) => Value::from(*share),
            SubspaceSize::Sqrt => Value::from("sqrt"),
            SubspaceSize::Rmsqrt => Value::from("rmsqrt"),
        }
    }

    fn scalar_text(scalar: &NoRange) -> String {
        match *scalar {}
    }

    fn outside<R: std::ops::RangeBounds<NoRange>>(&self, _: &R) -> Option<String> {
        None
    }
}

/// The features of `members` members, `size` of `n` each: of up to 20 features in turn from all combinations, of more drawn.
pub fn subspaces(n: usize, size: usize, members: usize, random: &mut Random) -> Vec<Option<Vec<usize>>> {
    if n > 20 && size >= 2 {
        return (0..members).map(|_| Some(random.sample(n, size))).collect();
    }
    let mut spaces = Vec::with_capacity(members);
    let mut space: Vec<usize> = (0..size).collect();
    while spaces.len() < members {
        spaces.push(Some(space.clone()));
        // The next combination in the order of the positions; after the last the first.
        match (0..size).rev().find(|k| space[*k] < n - size + k) {
            Some(k) => {
                space[k] += 1;
                for later in k + 1..size {
                    space[later] = space[later - 1] + 1;
                }
            }
            None => space = (0..size).collect(),
        }
    }
    spaces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn combinations_come_in_turn_and_start_again() {
        let spaces: Vec<Vec<usize>> = subspaces(3, 2, 4, &mut Random::new(1)).into_iter().flatten().collect();
        assert_eq!(spaces, [[0, 1], [0, 2], [1, 2], [0, 1]]);
    }

    #[test]
    fn sizes_are_rivers() {
        assert_eq!([3, 4, 10].map(|n| SubspaceSize::Share(0.6).of(n)), [2, 2, 6]);
        assert_eq!([4, 9, 30].map(|n| SubspaceSize::Sqrt.of(n)), [3, 4, 6]);
        assert_eq!([4, 9, 30].map(|n| SubspaceSize::Rmsqrt.of(n)), [3, 7, 26]);
        assert_eq!([1, 2, 3].map(|n| SubspaceSize::Share(0.1).of(n)), [1, 1, 2]);
    }
}
