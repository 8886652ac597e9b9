//! A model of one's own in the catalogue, used in a topology by its name: `cargo run --example custom_model`. `cargo test` runs its test.

use serde::{Deserialize, Serialize};
use tidemill::driver::TopologyTestDriver;
use tidemill::learn::base::Regressor;
use tidemill::learn::catalog::{Component, Entry, ModelBuild};
use tidemill::learn::params::ParamError;
use tidemill::market::feed::Ingest;
use tidemill::market::sim::{SimConfig, SimulatedExchange};
use tidemill::operators::standard_catalog;
use tidemill::topology::compile;

tidemill::params! {
    /// Parameters of `fade`.
    pub struct FadeParams {
        /// Which share of the last return is expected to come back.
        share: f64 = 0.1, in 0.0..=1.0;
    }
}

/// Expects a share of the last return (its first feature) to be undone; learns nothing.
#[derive(Clone, Serialize, Deserialize)]
struct Fade {
    share: f64,
}

impl Regressor for Fade {
    fn predict_one(&mut self, x: &[f64]) -> f64 {
        x.first().filter(|last| last.is_finite()).map_or(0.0, |last| -self.share * last)
    }

    fn learn_one(&mut self, _x: &[f64], _y: f64) {}
    fn clone_fresh(&self) -> Box<dyn Regressor> {
        Box::new(self.clone())
    }

    fn clone_learned(&self) -> Box<dyn Regressor> {
        Box::new(self.clone())
    }
}

tidemill::impl_snapshot!(Fade);
impl Component for Fade {
    type Params = FadeParams;
    const NAME: &'static str = "fade";
    const SUMMARY: &'static str = "expects a share of the last return to be undone";
    const REFERENCE: &'static str = "an example";

    fn build(params: FadeParams, _on: &ModelBuild<'_>) -> Result<Self, Vec<ParamError>> {
        Ok(Fade { share: params.share })
    }
}

/// The quickstart with `fade` for its mean model, over simulated candles.
fn run() -> TopologyTestDriver {
    let mut catalog = standard_catalog();
    catalog.models.register(Entry::regressor::<Fade>());
    let file = include_str!("../topologies/quickstart.toml").replace(r#"model = "mean""#, "model = { fade = { share = 0.05 } }");
    let (graph, _warnings) = compile(&file, "quickstart with fade", &catalog).unwrap_or_else(|errors| panic!("{errors}"));
    let mut driver = TopologyTestDriver::new(graph);
    let mut ingest = Ingest::new(SimulatedExchange::new(SimConfig::default()), 1);
    let mut batches = ingest.empty_batches();
    ingest.read(3_000, &mut batches).expect("a simulation does not fail");
    batches.into_iter().for_each(|batch| driver.pipe_batch(0, batch));
    driver
}

fn main() {
    run()
        .leaderboard()
        .scores()
        .for_each(|(coin, score)| println!("{coin} {} {:?}", score.cumulative.model, score.cumulative.skill));
}

#[test]
fn the_custom_model_is_judged_like_any_other() {
    let judged = run().leaderboard().scores().filter(|(_, score)| score.cumulative.n > 900).count();
    assert_eq!(judged, 3 * 8, "three coins, eight models");
}
