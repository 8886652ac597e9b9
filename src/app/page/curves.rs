//! What a page shows: aligned prices and predictions, running errors at a few hundred moments, the leaderboard.

use serde::Serialize;

use super::collect::{Asked, Coin, Collected, DriftMark, Question};
use crate::learn::metrics::{RollingScorer, Scorer, Scores};
use crate::record::format_duration_ms;

/// Moments of a price curve that a page keeps: of longer histories the newest as they are, and those before them thinned.
const PRICE_MOMENTS: Kept = Kept { newest: 1_000, before: 3_000 };
/// Moments of an error curve.
const ERROR_MOMENTS: Kept = Kept { newest: 150, before: 350 };
/// Bars of the moving average.
const MEAN_BARS: usize = 10;
const DAY_MS: i64 = 86_400_000;
/// A model whose error is this many times that of naive does not set the scale of the error chart.
const SANE: f64 = 4.0;

/// The data of a page.
#[derive(Debug, Serialize)]
pub struct PageData {
    /// How many questions the rolling error covers.
    pub rolling: usize,
    /// By name.
    pub coins: Vec<CoinData>,
}

/// One coin.
#[derive(Debug, Serialize)]
pub struct CoinData {
    name: String,
    /// The usual time between two moments, ms.
    interval: i64,
    times: Vec<i64>,
    closes: Vec<Option<f64>>,
    mean: Vec<Option<f64>>,
    mean_name: String,
    models: Vec<ModelData>,
    drifts: Vec<DriftMark>,
}

/// One model, or the naive forecast beside the others (`base`).
#[derive(Debug, Serialize)]
struct ModelData {
    name: String,
    horizon: String,
    nowcast: bool,
    target: String,
    base: bool,
    /// Whether its curve is shown before anybody chooses.
    shown: bool,
    sane: bool,
    colour: usize,
    champion: bool,
    n: u64,
    mae: Option<f64>,
    rmse: Option<f64>,
    smape: Option<f64>,
    r2: Option<f64>,
    direction: Option<f64>,
    skill: Option<f64>,
    /// The predictions at the coin's times.
    prices: Option<Vec<Option<f64>>>,
    errors: Errors,
}

/// Running errors at moments `at`.
#[derive(Debug, Default, Serialize)]
struct Errors {
    at: Vec<i64>,
    total_mae: Vec<f64>,
    total_smape: Vec<f64>,
    rolling_mae: Vec<f64>,
    rolling_smape: Vec<f64>,
    total_skill: Vec<Option<f64>>,
    rolling_skill: Vec<Option<f64>>,
}

/// The data of a page of everything gathered; the rolling error covers the last `rolling` questions.
pub fn page_data(all: &Collected, rolling: usize) -> PageData {
    PageData { rolling, coins: all.coins.iter().map(|(name, coin)| coin_data(name, coin, rolling)).collect() }
}

/// How much of a history is kept.
#[derive(Debug, Clone, Copy)]
struct Kept {
    newest: usize,
    before: usize,
}

impl Kept {
    /// Whether the moment at `place` of `count` is kept; the last one always is.
    fn keeps(self, place: usize, count: usize) -> bool {
        let old = count.saturating_sub(self.newest);
        let stride = old.div_ceil(self.before).max(1);
        place >= old || place % stride == stride - 1
    }
}

/// Six significant digits: enough for a screen, and short.
fn short(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

fn coin_data(name: &str, coin: &Coin, rolling: usize) -> CoinData {
    let mut times: Vec<i64> = coin.closes.keys().copied().collect();
    let last = times.last().copied().unwrap_or(i64::MIN);
    let ahead = coin.models.iter().flat_map(|model| &model.predictions).map(|question| question.due_at).filter(|due| *due > last);
    let mut ahead: Vec<i64> = ahead.collect();
    ahead.sort_unstable();
    ahead.dedup();
    times.extend(ahead);
    let interval = usual_step(&times);
    let closes: Vec<Option<f64>> = times.iter().map(|time| coin.closes.get(time).copied()).collect();
    let mean = moving_mean(&closes);
    let kept: Vec<usize> = (0..times.len()).filter(|at| PRICE_MOMENTS.keeps(*at, times.len())).collect();
    let thin = |values: &[Option<f64>]| kept.iter().map(|at| values[*at].map(short)).collect::<Vec<_>>();
    let times: Vec<i64> = kept.iter().map(|at| times[*at]).collect();
    let day = if interval == DAY_MS { "-day moving average" } else { "-bar moving average" };
    CoinData {
        name: name.to_owned(),
        interval,
        closes: thin(&closes),
        mean: thin(&mean),
        mean_name: format!("{MEAN_BARS}{day}"),
        models: models(coin, &times, rolling),
        times,
        drifts: coin.drifts.clone(),
    }
}

/// The median step between moments, ms; 1 where there is none.
fn usual_step(times: &[i64]) -> i64 {
    let mut steps: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    steps.sort_unstable();
    steps.get(steps.len() / 2).copied().unwrap_or(1).max(1)
}

fn moving_mean(closes: &[Option<f64>]) -> Vec<Option<f64>> {
    let mean = |end: usize| {
        let window = closes.get((end + 1).checked_sub(MEAN_BARS)?..=end)?;
        let sum = window.iter().copied().sum::<Option<f64>>()?;
        Some(sum / MEAN_BARS as f64)
    };
    (0..closes.len()).map(mean).collect()
}

/// The models group by group, each group (one question: horizon, nowcast or not) headed by a naive forecast.
fn models(coin: &Coin, times: &[i64], rolling: usize) -> Vec<ModelData> {
    let mut questions: Vec<(bool, i64)> = Vec::new();
    for model in &coin.models {
        let question = (model.nowcast, model.horizon_ms);
        if !questions.contains(&question) {
            questions.push(question);
        }
    }
    questions.sort_unstable();
    let of = |question: (bool, i64)| coin.models.iter().filter(move |model| (model.nowcast, model.horizon_ms) == question);
    let mut found: Vec<ModelData> = questions.into_iter().flat_map(|question| group(of(question), times, rolling)).collect();
    // A nowcast is dashed, so it may share a colour with a forecast; two forecasts may not.
    for nowcast in [false, true] {
        let models = found.iter_mut().filter(|model| !model.base && model.nowcast == nowcast);
        models.enumerate().for_each(|(colour, model)| model.colour = colour);
    }
    found
}

fn group<'a>(models: impl Iterator<Item = &'a Asked>, times: &[i64], rolling: usize) -> Vec<ModelData> {
    let mut found: Vec<ModelData> = Vec::new();
    let mut longest: Option<&Asked> = None;
    for model in models {
        if longest.is_none_or(|known| model.answers.len() > known.answers.len()) {
            longest = Some(model);
        }
        let mut data = model_data(model, rolling);
        data.prices = Some(prices(&model.predictions, &model.answers, times));
        found.push(data);
    }
    // A learner that says the last close is the baseline; where there is none, its curve is made from the questions of the others.
    if let Some(asked) = longest.filter(|_| found.iter().all(|model| !model.base)) {
        let answers =
            asked.answers.iter().map(|(question, truth)| (Question { price: question.last, ..*question }, *truth)).collect();
        let naive =
            Asked { model: "naive (last close)".to_owned(), answers, predictions: Vec::new(), champion: false, ..asked.clone() };
        found.insert(0, model_data(&naive, rolling));
    }
    let naive = found.iter().find(|model| model.base).and_then(|model| model.mae);
    for model in found.iter_mut().filter(|model| !model.base) {
        model.sane = naive.is_none_or(|naive| model.mae.is_some_and(|mae| mae <= SANE * naive));
    }
    let error = |model: &ModelData| model.mae.unwrap_or(f64::INFINITY);
    if let Some(best) = found.iter_mut().filter(|model| !model.base).min_by(|a, b| error(a).total_cmp(&error(b))) {
        best.shown = true;
    }
    found
}

/// The predictions at the moments `times`.
fn prices(predictions: &[Question], answers: &[(Question, f64)], times: &[i64]) -> Vec<Option<f64>> {
    let mut prices = vec![None; times.len()];
    for question in predictions.iter().chain(answers.iter().map(|(question, _)| question)) {
        if let Ok(place) = times.binary_search(&question.due_at) {
            prices[place] = Some(short(question.price)).filter(|price| price.is_finite());
        }
    }
    prices
}

fn model_data(model: &Asked, rolling: usize) -> ModelData {
    let (mut total, mut shared, mut naive, mut errors) =
        (Scorer::default(), Scorer::default(), Scorer::default(), Errors::default());
    let (mut recent, mut recent_naive) = (RollingScorer::of_count(rolling), RollingScorer::of_count(rolling));
    let mut base = !model.answers.is_empty();
    for (place, (question, truth)) in model.answers.iter().enumerate() {
        total.update(*truth, question.price, Some(question.last));
        shared.update(*truth, question.price, None);
        naive.update(*truth, question.last, None);
        recent.update(question.due_at, *truth, question.price, Some(question.last));
        recent_naive.update(question.due_at, *truth, question.last, None);
        base &= question.price == question.last;
        if ERROR_MOMENTS.keeps(place, model.answers.len()) {
            errors.push(question.due_at, [&total.scores(), &naive.scores()], [&recent.scores(), &recent_naive.scores()]);
        }
    }
    let scores = total.scores();
    let some = |value: f64| (scores.n > 0).then(|| short(value));
    ModelData {
        name: model.model.clone(),
        horizon: format_duration_ms(model.horizon_ms),
        nowcast: model.nowcast,
        target: model.target.clone(),
        base,
        shown: false,
        sane: true,
        colour: 0,
        champion: model.champion,
        n: scores.n,
        mae: some(scores.mae),
        rmse: some(scores.rmse),
        smape: some(scores.smape),
        r2: some(scores.r2),
        direction: scores.directional_accuracy,
        skill: shared.scores().skill_against(&naive.scores()),
        prices: None,
        errors,
    }
}

impl Errors {
    /// Adds a moment: the model's measures and naive's, since the start and over the last questions.
    fn push(&mut self, at: i64, [total, naive]: [&Scores; 2], [rolling, rolling_naive]: [&Scores; 2]) {
        self.at.push(at);
        self.total_skill.push(total.skill_against(naive).map(short));
        self.rolling_skill.push(rolling.skill_against(rolling_naive).map(short));
        self.total_mae.push(short(total.mae));
        self.total_smape.push(short(total.smape));
        self.rolling_mae.push(short(rolling.mae));
        self.rolling_smape.push(short(rolling.smape));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A coin with one model that is wrong by 1, one a day.
    fn coin(days: i64) -> Collected {
        let mut all = Collected::default();
        for day in 0..days {
            let (asked_at, due_at, last) = (day * DAY_MS, (day + 1) * DAY_MS, 100 + 3 * day);
            let line = format!(
                r#"{{"coin":"A","model":"m","target":"close","horizon_ms":{DAY_MS},"asked_at":{asked_at},"due_at":{due_at},"last":{last},"prediction":{p},"price":{p},"nowcast":false}}"#,
                p = last + 2
            );
            assert!(all.take(line.as_bytes()));
        }
        all.complete();
        all
    }

    #[test]
    fn a_model_stands_beside_the_naive_forecast_of_its_questions() {
        let data = page_data(&coin(50), 10);
        let coin = &data.coins[0];
        assert_eq!((coin.interval, coin.times.len(), coin.mean_name.as_str()), (DAY_MS, 51, "10-day moving average"));
        let [naive, model] = &coin.models[..] else { panic!("{:?}", coin.models) };
        assert!(naive.base && !model.base && model.shown && model.sane);
        assert_eq!((naive.mae, model.mae, model.n, model.direction), (Some(3.0), Some(1.0), 49, Some(1.0)));
        assert!((model.skill.unwrap() - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!((coin.closes[49], coin.closes[50]), (Some(247.0), None), "the last question is about tomorrow");
        assert_eq!(model.prices.as_ref().unwrap()[50], Some(249.0));
        assert_eq!((coin.mean[8], coin.mean[9]), (None, Some(113.5)));
        assert_eq!(model.errors.rolling_mae, vec![1.0; 49]);
    }

    #[test]
    fn long_histories_are_thinned_and_keep_their_end() {
        let data = page_data(&coin(9_000), 10);
        let coin = &data.coins[0];
        assert!(coin.times.len() <= 4_000 && coin.times.len() > 3_000);
        assert!(
            coin.times[coin.times.len() - 1_000..].windows(2).all(|pair| pair[1] - pair[0] == DAY_MS),
            "the newest are whole"
        );
        assert_eq!(coin.times.last(), Some(&(9_000 * DAY_MS)));
        assert!(coin.models[1].errors.at.len() <= 500);
        assert_eq!(coin.models[1].n, 8_999, "errors are counted before anything is thinned");
    }
}
