//! Products of features.

/// The places of the factors of every product of 2 to `degree` of `count` features, in the order of degree, then of the places: for two features
/// and degree 2 these are 0·0, 0·1, 1·1. With `interaction_only` no feature stands twice in a product.
///
/// Their number grows like `count` to the power of `degree`.
///
/// ```
/// use tidemill::learn::feature_extraction::products;
/// assert_eq!(products(2, 2, false), [vec![0, 0], vec![0, 1], vec![1, 1]]);
/// assert_eq!(products(3, 3, true), [vec![0, 1], vec![0, 2], vec![1, 2], vec![0, 1, 2]]);
/// ```
pub fn products(count: usize, degree: usize, interaction_only: bool) -> Vec<Vec<usize>> {
    let mut last: Vec<Vec<usize>> = (0..count).map(|place| vec![place]).collect();
    let mut all = Vec::new();
    for _ in 2..=degree {
        let longer = |factors: &Vec<usize>| {
            let newest = factors.last().copied().unwrap_or_default();
            let from = newest + usize::from(interaction_only);
            (from..count).map(|place| [factors.as_slice(), &[place]].concat()).collect::<Vec<_>>()
        };
        last = last.iter().flat_map(longer).collect();
        all.extend(last.iter().cloned());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn their_number_is_that_of_combinations() {
        // Combinations with repetition: C(n + k - 1, k); without: C(n, k).
        assert_eq!(products(4, 3, false).len(), 10 + 20);
        assert_eq!(products(4, 3, true).len(), 6 + 4);
        assert_eq!(products(2, 5, true), [[0, 1]], "there are no more than two to multiply");
        assert!(products(3, 1, false).is_empty() && products(0, 3, false).is_empty());
    }
}
