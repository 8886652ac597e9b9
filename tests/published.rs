//! River's published regression benchmark, row by row: the data that come inside River's package, our models, six digits.
//!
//! The table is https://riverml.xyz/latest/benchmarks/Regression/. Rows whose models draw random numbers, or have changed in River since the page was made, are
//! not reproduced by River itself and are left out here. The package is fetched once into the build folder; without the means to do so the test
//! says so and passes, unless `TIDEMILL_REQUIRE_PYPI=1`.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tidemill::connect::csv::NumberFile;
use tidemill::learn::{base::Schema, catalog::Catalog, evaluate::Progressive};

/// The version whose data these are.
const RIVER: &str = "river==0.26.1";

/// A data set inside the package.
struct Data {
    name: &'static str,
    file: &'static str,
    target: &'static str,
}

const CHICKS: Data = Data { name: "ChickWeights", file: "river/datasets/chick-weights.csv", target: "weight" };
const TRUMP: Data = Data { name: "TrumpApproval", file: "river/datasets/trump_approval.csv.gz", target: "five_thirty_eight" };

/// A row of the published table: MAE, RMSE, R2.
type Published = [&'static str; 3];

/// Every reproducible row: the name there, our model, and what is published for both data sets.
fn table() -> Vec<(&'static str, Value, Option<Published>, Option<Published>)> {
    let scaled = |model: Value| json!({ "pipeline": { "steps": ["standard_scaler", model] } });
    let linear = |params: Value| scaled(json!({ "linear_regression": params }));
    let passive = |mode: u8| scaled(json!({ "pa_regressor": { "mode": mode, "river_compat": true } }));
    // Squared errors of such sizes take all weights of River's average to 0 at the first record, and it predicts 0 ever after: the row holds for any members.
    let average_of = ["linear_regression", "hoeffding_adaptive_tree_regressor", "knn_regressor", "am_rules"];
    vec![
        (
            "Linear Regression",
            linear(json!({})),
            Some(["23.7587", "37.0377", "0.727954"]),
            Some(["1.31455", "3.91198", "-4.23035"]),
        ),
        (
            "Linear Regression with l1 regularization",
            linear(json!({ "l1": 1.0 })),
            Some(["23.7577", "37.078", "0.727361"]),
            Some(["1.15377", "3.82872", "-4.01007"]),
        ),
        (
            "Linear Regression with l2 regularization",
            linear(json!({ "l2": 1.0 })),
            Some(["25.2738", "38.5885", "0.704694"]),
            Some(["1.87151", "4.13052", "-4.83107"]),
        ),
        (
            "Passive-Aggressive Regressor, mode 1",
            passive(1),
            Some(["24.3423", "37.596", "0.71969"]),
            Some(["4.98403", "6.97667", "-15.6354"]),
        ),
        (
            "Passive-Aggressive Regressor, mode 2",
            passive(2),
            Some(["100.624", "143.066", "-3.05911"]),
            Some(["31.0933", "34.6257", "-408.765"]),
        ),
        (
            "Hoeffding Tree",
            scaled(json!("hoeffding_tree_regressor")),
            Some(["23.1619", "36.7336", "0.732402"]),
            Some(["0.956103", "2.24987", "-0.730022"]),
        ),
        (
            "Hoeffding Adaptive Tree",
            scaled(json!({ "hoeffding_adaptive_tree_regressor": { "seed": 42, "river_compat": true } })),
            None,
            Some(["0.921313", "2.23942", "-0.713986"]),
        ),
        (
            "Adaptive Model Rules",
            scaled(json!({ "am_rules": { "river_compat": true } })),
            Some(["24.1943", "37.2166", "0.725319"]),
            Some(["1.39847", "2.43336", "-1.02372"]),
        ),
        (
            "Exponentially Weighted Average",
            scaled(json!({ "ewa_regressor": { "models": average_of, "river_compat": true } })),
            Some(["121.818", "141.004", "-2.94294"]),
            Some(["40.7546", "40.7905", "-567.663"]),
        ),
        (
            "Stochastic Gradient Tree",
            json!({ "sgt_regressor": { "river_compat": true } }),
            Some(["68.7588", "80.358", "-0.280601"]),
            Some(["9.42975", "17.9379", "-108.972"]),
        ),
        (
            "[baseline] Mean predictor",
            json!("mean"),
            Some(["50.2509", "71.1144", "-0.00292947"]),
            Some(["1.56755", "2.20286", "-0.658483"]),
        ),
    ]
}

fn target_folder() -> PathBuf {
    let named = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target"))
}

/// The unpacked package, fetched if it is not there yet; or why it cannot be had.
fn package() -> Result<PathBuf, String> {
    let folder = target_folder().join("pypi").join(RIVER);
    let whole = |folder: &Path| [CHICKS.file, TRUMP.file].iter().all(|file| folder.join(file).is_file());
    if whole(&folder) {
        return Ok(folder);
    }
    let wheels = folder.join("wheels");
    std::fs::create_dir_all(&wheels).map_err(|error| error.to_string())?;
    let python = |args: &[&str]| {
        let output = Command::new("python3").args(args).output().map_err(|error| format!("python3: {error}"))?;
        let told = String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default().to_owned();
        if output.status.success() { Ok(()) } else { Err(format!("python3 {}: {told}", args.join(" "))) }
    };
    let to = wheels.display().to_string();
    // One platform's wheel is as good as another's: only the data are used.
    let platform = ["--only-binary=:all:", "--platform", "manylinux_2_28_x86_64", "--python-version", "3.11"];
    python(&[&["-m", "pip", "download", "--quiet", "--no-deps", "--dest", &to][..], &platform, &[RIVER]].concat())?;
    let wheel = std::fs::read_dir(&wheels).ok().and_then(|mut found| found.next()?.ok()).ok_or("pip fetched nothing")?.path();
    python(&["-m", "zipfile", "-e", &wheel.display().to_string(), &folder.display().to_string()])?;
    if whole(&folder) { Ok(folder) } else { Err(format!("{RIVER} does not hold its data sets any more")) }
}

/// MAE, RMSE and R2 of a model over a data set, test then learn, as River runs it.
fn run(folder: &Path, data: &Data, spec: &Value) -> [f64; 3] {
    let mut file = NumberFile::open(&folder.join(data.file)).unwrap();
    let target = file.columns().iter().position(|name| name == data.target).unwrap();
    let mut picked: Vec<usize> = (0..file.columns().len()).filter(|at| *at != target).collect();
    let schema = Schema::new(picked.iter().map(|at| file.columns()[*at].clone()));
    picked.push(target);
    let model = Catalog::standard().build(spec, &[], &schema, 42).unwrap_or_else(|errors| panic!("{spec}: {errors:?}"));
    let mut progressive = Progressive::new(model, 0, schema.len());
    let mut row = Vec::new();
    while file.next_row(&picked, &mut row).unwrap() {
        let (y, x) = row.split_last().unwrap();
        progressive.step(x, *y);
    }
    let scores = progressive.comparison().model;
    [scores.mae, scores.rmse, scores.r2]
}

/// Six significant digits.
fn six(value: f64) -> String {
    format!("{value:.5e}")
}

#[test]
fn the_reproducible_rows_of_rivers_benchmark_are_equal_at_six_digits() {
    let folder = match package() {
        Ok(folder) => folder,
        Err(cause) if std::env::var_os("TIDEMILL_REQUIRE_PYPI").is_some_and(|value| value == "1") => panic!("{cause}"),
        Err(cause) => {
            return eprintln!("skipped: {RIVER} could not be fetched ({cause}); TIDEMILL_REQUIRE_PYPI=1 makes this a failure");
        }
    };
    let (mut rows, mut wrong) = (0, Vec::new());
    for (name, spec, chicks, trump) in table() {
        for (data, published) in [(&CHICKS, chicks), (&TRUMP, trump)] {
            let Some(published) = published else { continue };
            let ours = run(&folder, data, &spec);
            rows += 1;
            println!("{name:42} {:14} ours {:?} published {published:?}", data.name, ours);
            for (ours, published) in ours.iter().zip(published) {
                if six(*ours) != six(published.parse().unwrap()) {
                    wrong.push(format!("{name}, {}: {ours} where {published} is published", data.name));
                }
            }
        }
    }
    println!("{rows} rows");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
