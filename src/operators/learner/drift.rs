//! What watches a learner's errors: the parameters, and the watch at work on one coin.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::learn::base::DriftDetector;
use crate::learn::catalog::Catalog as ModelCatalog;
use crate::learn::params::{NoRange, ParamError, ParamErrorKind, ParamInfo, ParamValue, Params, child, read_single_key};
use crate::learn::stats::{EwMean, Mean, Univariate};
use crate::snapshot::SnapshotError;

crate::choices! {
    /// What is done when the errors have drifted.
    pub enum OnDrift {
        /// It is told, nothing else.
        Notify = "notify",
        /// A fresh model takes over.
        Reset = "reset",
        /// The model that has been trained beside it since the warning takes over; without a warning a fresh one.
        Swap = "swap",
    }
}

crate::choices! {
    /// What the detector is fed with for every answered question; `error` is label minus prediction, in the unit of the target.
    pub enum Feed {
        /// |error| / (|error| + its mean since the model was new): 0 to 1 and about a half in calm, whatever the scale.
        Relative = "relative",
        /// |error|.
        Absolute = "absolute",
        /// The square of the error.
        Squared = "squared",
        /// 1 where the direction against the last value was wrong, 0 where it was right, nothing where the price did not move: for detectors of binary errors.
        WrongDirection = "wrong_direction",
    }
}

crate::params! {
    /// What stands beside the detector.
    pub struct DriftParams {
        /// What is done when the errors have drifted.
        on_drift: OnDrift = OnDrift::Notify;
        /// What the detector is fed with.
        feed: Feed = Feed::Relative;
        /// A second, more sensitive detector whose alarm starts the background model of `swap`; a detector with a warning zone of its own needs none.
        warning: Option<Value> = None;
    }
}

/// A drift detector with what is done on its alarm: `{ adwin = { delta = 0.002 }, on_drift = "reset" }`, or the detector's name alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DriftSpec {
    /// The detector as the catalogue reads it.
    pub detector: Value,
    /// What stands beside it.
    pub params: DriftParams,
}

const EXPECTED: &str =
    "a drift detector by name, or a table with it as a key: { adwin = { delta = 0.002 }, on_drift = \"reset\" }";

impl ParamValue for DriftSpec {
    type Scalar = NoRange;

    fn type_text() -> String {
        "drift detector by name, or table with it as a key beside the keys below".to_owned()
    }

    fn read_value(value: &Value, path: &[String]) -> Result<Self, Vec<ParamError>> {
        let object = match value {
            Value::String(_) => return Ok(DriftSpec { detector: value.clone(), params: DriftParams::default() }),
            Value::Object(object) => object,
            _ => return Err(vec![ParamError::wrong_type(path, value, EXPECTED)]),
        };
        let known = |key: &String| DriftParams::describe().iter().any(|info| info.name == key);
        let (beside, detectors): (Map<String, Value>, Map<String, Value>) =
            object.iter().map(|(key, value)| (key.clone(), value.clone())).partition(|(key, _)| known(key));
        let mut errors = Vec::new();
        if detectors.len() != 1 {
            let names: Vec<&str> = detectors.keys().map(String::as_str).collect();
            let found = if names.is_empty() { "no detector is named".to_owned() } else { format!("found {}", names.join(", ")) };
            errors.push(ParamError::new(ParamErrorKind::Missing, path, found, EXPECTED));
        }
        match DriftParams::read(&Value::Object(beside), path) {
            Ok(params) if errors.is_empty() => return Ok(DriftSpec { detector: Value::Object(detectors), params }),
            Ok(_) => {}
            Err(more) => errors.extend(more),
        }
        Err(errors)
    }

    fn to_value(&self) -> Value {
        let mut object = Map::new();
        match &self.detector {
            Value::Object(detector) => object.extend(detector.clone()),
            name => drop(object.insert(name.as_str().unwrap_or_default().to_owned(), Value::Null)),
        }
        if let Value::Object(params) = Params::to_value(&self.params) {
            object.extend(params);
        }
        Value::Object(object)
    }

    fn params() -> Vec<ParamInfo> {
        DriftParams::describe().to_vec()
    }

    fn scalar_text(scalar: &NoRange) -> String {
        match *scalar {}
    }

    fn outside<R: std::ops::RangeBounds<NoRange>>(&self, _: &R) -> Option<String> {
        None
    }
}

/// How to make the watch of a learner, checked.
pub(super) struct WatchRecipe {
    models: ModelCatalog,
    spec: DriftSpec,
    name: String,
}

impl WatchRecipe {
    /// Builds the detectors once to find every mistake, and writes their defaults out in `spec`; `path` is where it stands.
    pub fn new(spec: &mut DriftSpec, models: &ModelCatalog, path: &[String]) -> Result<Self, Vec<ParamError>> {
        let mut errors: Vec<ParamError> = models.drift_detector(&spec.detector, path, 0).err().unwrap_or_default();
        if let Some(warning) = &mut spec.params.warning {
            errors.extend(models.drift_detector(warning, &child(path, "warning"), 0).err().unwrap_or_default());
            *warning = models.in_force(warning);
        }
        spec.detector = models.in_force(&spec.detector);
        let name = read_single_key(&spec.detector, path).map(|(name, ..)| name.to_owned()).unwrap_or_default();
        if errors.is_empty() { Ok(WatchRecipe { models: models.clone(), spec: spec.clone(), name }) } else { Err(errors) }
    }

    /// The detector's name in the catalogue.
    pub fn detector(&self) -> &str {
        &self.name
    }

    /// What is done when the errors have drifted.
    pub fn on_drift(&self) -> OnDrift {
        self.spec.params.on_drift
    }

    fn build(&self, spec: &Value) -> Box<dyn DriftDetector> {
        // The same call succeeded when the topology was compiled.
        let built = self.models.drift_detector(spec, &[], 0);
        built.unwrap_or_else(|errors| panic!("a checked detector could not be built again: {errors:?}"))
    }
}

/// What the watch says after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alarm {
    /// Nothing new.
    None,
    /// A warning was raised, by the second detector or by entering the detector's own warning zone.
    Warning,
    /// The warning zone was left without a drift.
    AllClear,
    /// The errors have drifted.
    Drift,
}

/// The watch over one model of one coin.
pub(super) struct Watch {
    recipe: Arc<WatchRecipe>,
    detector: Box<dyn DriftDetector>,
    warning: Option<Box<dyn DriftDetector>>,
    course: Course,
}

/// The course of the errors since the model was new: their sizes, or for directions how many were wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Course {
    /// Over all.
    mean: Mean,
    /// Of late.
    lately: EwMean,
    /// Whether the detector's own warning zone was entered and not left.
    in_zone: bool,
}

/// How much the newest error weighs in what errors are like lately.
const LATELY: f64 = 0.05;

impl Course {
    fn new() -> Self {
        Course { mean: Mean::default(), lately: EwMean::new(LATELY), in_zone: false }
    }
}

/// The state of a watch: both detectors' own, then the course.
pub(super) type WatchState = (Vec<u8>, Option<Vec<u8>>, Vec<u8>);

/// An answered question as the watch sees it, in the unit of the target.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judged {
    pub label: f64,
    pub value: f64,
    /// The truth and the last value, prices.
    pub truth: f64,
    pub last: f64,
    /// The prediction as a price, if it has one.
    pub price: Option<f64>,
}

impl Judged {
    /// Whether the direction was wrong; nothing where the price did not move.
    fn wrong_direction(&self) -> Option<f64> {
        let went = self.truth - self.last;
        let said = self.price.map_or(self.value, |price| price - self.last);
        (went != 0.0).then(|| f64::from(u8::from((went > 0.0) != (said > 0.0) || said == 0.0)))
    }
}

impl Watch {
    /// A watch that has seen nothing.
    pub fn new(recipe: Arc<WatchRecipe>) -> Self {
        let detector = recipe.build(&recipe.spec.detector);
        let warning = recipe.spec.params.warning.as_ref().map(|spec| recipe.build(spec));
        Watch { recipe, detector, warning, course: Course::new() }
    }

    /// What it was made by.
    pub fn recipe(&self) -> &Arc<WatchRecipe> {
        &self.recipe
    }

    /// Forgets everything: another model is watched from now on.
    pub fn restart(&mut self) {
        *self = Watch::new(self.recipe.clone());
    }

    /// Takes the error of a question. An alarm while errors are no larger than they were on the whole comes from a model that gets better, and is none.
    pub fn take(&mut self, judged: &Judged) -> Alarm {
        let Some(size) = self.size(judged).filter(|size| size.is_finite()) else { return Alarm::None };
        self.course.mean.update(size, 1.0);
        self.course.lately.update(size);
        let fed = match self.recipe.spec.params.feed {
            Feed::Relative if size > 0.0 => size / (size + self.course.mean.get()),
            Feed::Squared => size * size,
            Feed::Relative | Feed::Absolute | Feed::WrongDirection => size,
        };
        self.detector.update(fed);
        let warned = self.warning.as_mut().is_some_and(|warning| {
            warning.update(fed);
            warning.drift_detected()
        });
        let worse = self.course.lately.get().is_some_and(|lately| lately > self.course.mean.get());
        if worse && self.detector.drift_detected() {
            return Alarm::Drift;
        }
        if self.warning.is_some() {
            return if worse && warned { Alarm::Warning } else { Alarm::None };
        }
        let in_zone = worse && self.detector.warning_detected();
        match (std::mem::replace(&mut self.course.in_zone, in_zone), in_zone) {
            (false, true) => Alarm::Warning,
            (true, false) => Alarm::AllClear,
            _ => Alarm::None,
        }
    }

    /// The size of the error, or 1 for a wrong direction and 0 for a right one.
    fn size(&self, judged: &Judged) -> Option<f64> {
        match self.recipe.spec.params.feed {
            Feed::WrongDirection => judged.wrong_direction(),
            Feed::Relative | Feed::Absolute | Feed::Squared => Some((judged.label - judged.value).abs()),
        }
    }

    /// The state to keep.
    pub fn save(&self) -> Result<WatchState, SnapshotError> {
        let (mut detector, mut course) = (Vec::new(), Vec::new());
        self.detector.save(&mut detector)?;
        crate::snapshot::encode_into(&self.course, &mut course)?;
        let warning = self.warning.as_ref().map(|warning| {
            let mut bytes = Vec::new();
            warning.save(&mut bytes).map(|()| bytes)
        });
        Ok((detector, warning.transpose()?, course))
    }

    /// A watch that goes on from a kept state.
    pub fn restored(recipe: Arc<WatchRecipe>, (detector, warning, course): &WatchState) -> Result<Self, SnapshotError> {
        let mut watch = Watch::new(recipe);
        watch.detector.load(detector)?;
        match (&mut watch.warning, warning) {
            (Some(detector), Some(bytes)) => detector.load(bytes)?,
            (None, None) => {}
            _ => return Err(SnapshotError::Decode("the state is of a watch with other detectors".to_owned())),
        }
        watch.course = crate::snapshot::decode(course)?;
        Ok(watch)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn watch(spec: Value) -> Watch {
        let mut spec = DriftSpec::read_value(&spec, &[]).unwrap();
        Watch::new(Arc::new(WatchRecipe::new(&mut spec, &ModelCatalog::standard(), &[]).unwrap()))
    }

    fn error(error: f64) -> Judged {
        Judged { label: 100.0 + error, value: 100.0, truth: 100.0 + error, last: 100.0, price: Some(100.0) }
    }

    /// Errors of a size with a wave of a tenth on it.
    fn first_drift(watch: &mut Watch, size: impl Fn(u32) -> f64) -> Option<u32> {
        (0..4_000).find(|k| watch.take(&error(size(*k) * (1.0 + f64::from(k % 7) / 70.0))) == Alarm::Drift)
    }

    #[test]
    fn growing_errors_are_a_drift_whatever_their_scale_and_falling_ones_are_not() {
        for scale in [1e-6, 1.0, 1e6] {
            let grown = first_drift(&mut watch(json!("adwin")), |k| scale * if k < 1_000 { 1.0 } else { 3.0 });
            assert!(grown.is_some_and(|k| (1_000..1_400).contains(&k)), "{scale}: {grown:?}");
            assert_eq!(first_drift(&mut watch(json!("adwin")), |k| scale * if k < 1_000 { 3.0 } else { 1.0 }), None);
        }
    }

    #[test]
    fn a_second_detector_warns_before_the_first_one_raises_the_alarm() {
        let mut watch =
            watch(json!({ "adwin": { "delta": 1e-9 }, "on_drift": "swap", "warning": { "adwin": { "delta": 0.05 } } }));
        let size = |k: u32| if k < 1_000 { 1.0 } else { 1.0 + f64::from(k - 1_000) / 200.0 };
        let alarms: Vec<(u32, Alarm)> =
            (0..3_000).map(|k| (k, watch.take(&error(size(k) * (1.0 + f64::from(k % 7) / 70.0))))).collect();
        let first = |alarm| alarms.iter().find(|(_, found)| *found == alarm).map(|(k, _)| *k);
        let (warned, drifted) = (first(Alarm::Warning), first(Alarm::Drift));
        assert!(warned.is_some() && warned < drifted && drifted.is_some(), "{warned:?} {drifted:?}");
    }

    #[test]
    fn directions_feed_ones_and_zeros() {
        let of = |truth: f64, price: f64| {
            Judged { label: truth, value: price, truth, last: 10.0, price: Some(price) }.wrong_direction()
        };
        assert_eq!([of(11.0, 12.0), of(11.0, 9.0), of(9.0, 10.0), of(10.0, 9.0)], [Some(0.0), Some(1.0), Some(1.0), None]);
    }

    #[test]
    fn specs_read_as_in_the_design_and_write_themselves_out() {
        let read = |value: Value| DriftSpec::read_value(&value, &["drift".to_owned()]);
        let spec = read(json!({ "adwin": { "delta": 0.002 }, "on_drift": "reset" })).unwrap();
        assert_eq!((spec.params.on_drift, &spec.detector), (OnDrift::Reset, &json!({ "adwin": { "delta": 0.002 } })));
        assert_eq!(read(spec.to_value()).unwrap(), spec);
        assert_eq!(read(json!("adwin")).unwrap().params, DriftParams::default());
        for (wrong, told) in [
            (json!({ "on_drift": "reset" }), "drift: no detector is named"),
            (json!({ "adwin": {}, "ddm": {} }), "drift: found adwin, ddm"),
            (json!({ "adwin": {}, "on_drift": "rest" }), "drift.on_drift: unknown value `rest`"),
            (json!(5), "drift: found the number 5"),
        ] {
            let errors = read(wrong).unwrap_err();
            assert!(errors[0].to_string().starts_with(told), "{errors:?}");
        }
    }
}
