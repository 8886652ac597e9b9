//! Detectors of change in a stream of numbers.

mod adwin;
mod ddm;
mod eddm;
mod fhddm;
mod hddm_a;
mod hddm_w;
mod kswin;
mod no_drift;
mod page_hinkley;

pub use adwin::{Adwin, AdwinParams};
pub use ddm::{Ddm, DdmParams};
pub use eddm::{Eddm, EddmParams};
pub use fhddm::{Fhddm, FhddmParams};
pub use hddm_a::{HddmA, HddmAParams};
pub use hddm_w::{HddmW, HddmWParams};
pub use kswin::{Kswin, KswinParams};
pub use no_drift::{NoDrift, NoDriftParams};
pub use page_hinkley::{Direction, PageHinkley, PageHinkleyParams};

use super::{base::DriftDetector, catalog::Entry};

/// The detectors of this family, for the catalogue.
pub fn detectors() -> Vec<Entry<Box<dyn DriftDetector>>> {
    vec![
        Entry::drift_detector::<Adwin>(),
        Entry::drift_detector::<PageHinkley>(),
        Entry::drift_detector::<Kswin>(),
        Entry::drift_detector::<Ddm>(),
        Entry::drift_detector::<Eddm>(),
        Entry::drift_detector::<HddmA>(),
        Entry::drift_detector::<HddmW>(),
        Entry::drift_detector::<Fhddm>(),
        Entry::drift_detector::<NoDrift>(),
    ]
}
