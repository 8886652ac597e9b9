//! Bollinger bands.

/// Where the close stands in its bands, and how wide they are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bollinger {
    /// 0 on the lower band, 1 on the upper one, 0.5 on the mean; beyond the bands below 0 or above 1. Absent where the window is constant.
    pub percent_b: Option<f64>,
    /// Upper minus lower band, over the mean. Absent where the mean is 0.
    pub bandwidth: Option<f64>,
}

/// The bands of a window of closes that ends with `close`: mean plus and minus `width` population standard deviations.
///
/// `mean` and `std` are those of the window (divisor n); they are given because whoever keeps the window has them already.
///
/// Reference: J. Bollinger, "Bollinger on Bollinger Bands", 2001.
///
/// ```
/// use tidemill::learn::feature_extraction::bollinger;
/// // 2 4 4 4 5 5 7 9: mean 5, deviation 2; two deviations make the bands 1 and 9, and the close 9 stands on the upper one.
/// let bands = bollinger(9.0, 5.0, 2.0, 2.0);
/// assert_eq!((bands.percent_b, bands.bandwidth), (Some(1.0), Some(1.6)));
/// ```
pub fn bollinger(close: f64, mean: f64, std: f64, width: f64) -> Bollinger {
    let reach = width * std;
    let finite = |value: f64| value.is_finite().then_some(value);
    Bollinger {
        percent_b: if reach > 0.0 { finite((close - (mean - reach)) / (2.0 * reach)) } else { None },
        bandwidth: if mean == 0.0 { None } else { finite(2.0 * reach / mean) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_of_known_numbers() {
        let at = |close| bollinger(close, 5.0, 2.0, 2.0).percent_b;
        assert_eq!([at(1.0), at(5.0), at(9.0), at(13.0)], [Some(0.0), Some(0.5), Some(1.0), Some(1.5)]);
        assert_eq!(bollinger(5.0, 5.0, 2.0, 1.0).bandwidth, Some(0.8));
    }

    #[test]
    fn a_constant_window_has_no_place_in_it() {
        assert_eq!(bollinger(7.0, 7.0, 0.0, 2.0), Bollinger { percent_b: None, bandwidth: Some(0.0) });
        assert_eq!(bollinger(0.0, 0.0, 1.0, 2.0).bandwidth, None);
        assert_eq!(bollinger(1.0, f64::NAN, 1.0, 2.0), Bollinger { percent_b: None, bandwidth: None });
    }
}
