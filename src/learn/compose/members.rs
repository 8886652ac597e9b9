//! The models of an ensemble: built from a list of specs, saved and loaded with the ensemble's own state.

use serde_json::Value;

use super::{load_parts, save_parts};
use crate::{
    learn::{
        base::Regressor,
        catalog::ModelBuild,
        params::{ParamError, ParamErrorKind, child},
    },
    snapshot::{Snapshot, SnapshotError},
};

/// Regressors that an ensemble is made of, in order.
pub struct Members(Vec<Box<dyn Regressor>>);

impl Members {
    /// These models.
    pub fn new(models: Vec<Box<dyn Regressor>>) -> Self {
        Members(models)
    }

    /// Builds the models of `specs`, the value of the parameter `key`; each has a seed of its own.
    ///
    /// # Errors
    /// When there are fewer than `least`, and everything that is wrong with the specs.
    pub fn build(specs: &[Value], key: &str, least: usize, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        let at = child(on.path, key);
        if specs.len() < least {
            let message = format!("the list has {} entries", specs.len());
            return Err(vec![ParamError::new(ParamErrorKind::OutOfRange, &at, message, format!("at least {least} models"))]);
        }
        let (mut models, mut errors) = (Vec::with_capacity(specs.len()), Vec::new());
        for (position, spec) in specs.iter().enumerate() {
            let seed = seed_of_member(on.seed, position);
            match on.catalog.regressor(spec, &child(&at, position.to_string()), on.schema, seed) {
                Ok(model) => models.push(model),
                Err(more) => errors.extend(more),
            }
        }
        if errors.is_empty() { Ok(Members(models)) } else { Err(errors) }
    }

    /// Builds `count` models of one spec, the value of the parameter `key`; each has a seed of its own unless the spec names one.
    ///
    /// # Errors
    /// Everything that is wrong with the spec.
    pub fn build_copies(spec: &Value, key: &str, count: usize, on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        let at = child(on.path, key);
        let one = |position| on.catalog.regressor(spec, &at, on.schema, seed_of_member(on.seed, position));
        (0..count).map(one).collect::<Result<_, _>>().map(Members)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The models in order.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Box<dyn Regressor>> {
        self.0.iter_mut()
    }

    /// The model at `position`.
    pub fn at(&mut self, position: usize) -> &mut dyn Regressor {
        &mut *self.0[position]
    }

    /// Lets the model at `position` forget all it learned.
    pub fn forget(&mut self, position: usize) {
        self.0[position] = self.0[position].clone_fresh();
    }

    /// Writes the predictions for `x`, in order, to `out`.
    pub fn predict(&mut self, x: &[f64], out: &mut Vec<f64>) {
        out.clear();
        out.extend(self.0.iter_mut().map(|model| model.predict_one(x)));
    }

    /// The same models with nothing learned.
    pub fn fresh(&self) -> Self {
        Members(self.0.iter().map(|model| model.clone_fresh()).collect())
    }

    /// A copy with everything learned.
    pub fn learned(&self) -> Self {
        Members(self.0.iter().map(|model| model.clone_learned()).collect())
    }

    /// Reports the counters of every member.
    pub fn counters(&self, report: &mut dyn FnMut(&'static str, u64)) {
        self.0.iter().for_each(|model| model.counters(report));
    }

    /// Appends the states of `own` and then of every member.
    ///
    /// # Errors
    /// When one cannot be encoded.
    pub fn save_with(&self, own: &[&dyn Snapshot], out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        let mut parts = own.to_vec();
        parts.extend(self.0.iter().map(|model| &**model as &dyn Snapshot));
        save_parts(&parts, out)
    }

    /// Takes what [`save_with`](Self::save_with) wrote.
    ///
    /// # Errors
    /// When the bytes do not decode; everything is then as it was before.
    pub fn load_with<'a>(&'a mut self, own: Vec<&'a mut dyn Snapshot>, bytes: &[u8]) -> Result<(), SnapshotError> {
        let mut parts = own;
        parts.extend(self.0.iter_mut().map(|model| &mut **model as &mut dyn Snapshot));
        load_parts(&mut parts, bytes)
    }
}

/// The seed of the member at `position`: the ensemble's own for the first, others far from it and from each other.
fn seed_of_member(seed: u64, position: usize) -> u64 {
    seed.wrapping_add((position as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15))
}
