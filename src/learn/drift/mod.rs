//! Detectors of change in a stream of numbers.

mod adwin;
mod no_drift;
mod page_hinkley;

pub use adwin::{Adwin, AdwinParams};
pub use no_drift::{NoDrift, NoDriftParams};
pub use page_hinkley::{Direction, PageHinkley, PageHinkleyParams};

use super::{base::DriftDetector, catalog::Entry};

/// The detectors of this family, for the catalogue.
pub fn detectors() -> Vec<Entry<Box<dyn DriftDetector>>> {
    vec![Entry::drift_detector::<Adwin>(), Entry::drift_detector::<PageHinkley>(), Entry::drift_detector::<NoDrift>()]
}
