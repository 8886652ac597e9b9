//! The standard catalogue passes every check, and the checks catch models that misbehave.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::*;
use crate::{
    impl_snapshot,
    learn::{
        base::Regressor,
        catalog::{Component, Entry, ModelBuild},
    },
};

#[test]
fn the_standard_catalogue_passes_every_check() {
    let failures = check_catalog(&Catalog::standard());
    assert!(failures.is_empty(), "{}", failures.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
}

crate::params! {
    /// Which misbehaviour.
    pub struct RogueParams {
        /// Its number.
        sin: u64 = 0;
    }
}

/// A last-value model with one thing wrong.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Rogue {
    sin: u64,
    last: f64,
    seen: Vec<f64>,
    asked: u64,
    #[serde(skip)]
    forgotten: f64,
}

impl Regressor for Rogue {
    fn predict_one(&mut self, x: &[f64]) -> f64 {
        match self.sin {
            1 => self.last / x[0],
            2 => {
                self.asked += 1;
                self.last
            }
            3 => self.forgotten,
            _ => self.last,
        }
    }

    fn learn_one(&mut self, _x: &[f64], y: f64) {
        if y.is_finite() || self.sin == 4 {
            self.last = y;
            self.forgotten += y.signum();
            if self.sin == 5 {
                self.seen.push(y);
            }
        }
    }

    fn clone_fresh(&self) -> Box<dyn Regressor> {
        let last = if self.sin == 6 { self.last } else { 0.0 };
        Box::new(Rogue { sin: self.sin, last, ..Rogue::default() })
    }

    fn clone_learned(&self) -> Box<dyn Regressor> {
        Box::new(if self.sin == 7 { Rogue { sin: 7, ..Rogue::default() } } else { self.clone() })
    }

    fn learn_weighted(&mut self, x: &[f64], y: f64, weight: f64) {
        if weight > 0.0 || self.sin == 8 {
            self.learn_one(x, y);
        }
    }
}

impl_snapshot!(Rogue);

impl Component for Rogue {
    type Params = RogueParams;
    const NAME: &'static str = "rogue";
    const SUMMARY: &'static str = "a model with one thing wrong";
    const REFERENCE: &'static str = "none";

    fn build(params: RogueParams, _on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        Ok(Rogue { sin: params.sin, ..Rogue::default() })
    }
}

#[test]
fn each_misbehaviour_is_caught_under_its_rule_and_none_without() {
    let mut catalog = Catalog::default();
    catalog.register(Entry::regressor::<Rogue>());
    let found = |sin: u64| {
        let failures = check_model(&catalog, &json!({ "rogue": { "sin": sin } }));
        failures.iter().map(|f| f.rule).collect::<Vec<_>>()
    };
    assert_eq!(found(0), [] as [&str; 0]);
    let caught = [
        (1, rule::FINITE),
        (2, rule::ASKING),
        (3, rule::SNAPSHOT),
        (4, rule::POISON),
        (5, rule::BOUNDED),
        (6, rule::FRESH),
        (7, rule::LEARNED),
        (8, rule::WEIGHT),
    ];
    for (sin, rule) in caught {
        assert!(found(sin).contains(&rule), "{sin}: {:?}", found(sin));
    }
}

#[test]
fn an_entry_without_words_is_caught() {
    let mut catalog = Catalog::default();
    catalog.register(Entry { summary: "", ..Entry::regressor::<Rogue>() });
    assert_eq!(documentation::check(&catalog)[0].rule, rule::DOCUMENTED);
}
