//! `tidemill prequential` as a user calls it: figures, predictions, and what is said about mistakes.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// Sales of a made-up shop: a trend, a week's rhythm and a price that matters; a gap now and then.
fn sales(folder: &Path) -> PathBuf {
    let mut text = "day,price,weekday,shop,units\n".to_owned();
    for day in 0..400_u32 {
        let (price, weekday) = (10 + day * 7 % 5, day % 7);
        let units = 200 + day / 4 + 20 * weekday - 8 * price;
        let shown = if day % 97 == 50 { String::new() } else { units.to_string() };
        text.push_str(&format!("{day},{price},{weekday},north,{shown}\n"));
    }
    let path = folder.join("sales.csv");
    std::fs::write(&path, text).unwrap();
    path
}

fn run(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tidemill")).current_dir(folder).arg("prequential").args(args).output().unwrap()
}

fn report(folder: &Path, args: &[&str]) -> Value {
    let output = run(folder, &[args, &["--format", "json"]].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

const LINEAR: &str = r#"{ pipeline = { steps = ["standard_scaler", { linear_regression = { intercept_lr = 0.1 } }] } }"#;

#[test]
fn a_model_is_judged_beside_the_naive_forecast_and_predictions_are_written() {
    let folder = tempfile::tempdir().unwrap();
    sales(folder.path());
    let args = ["--model", LINEAR, "--input", "sales.csv", "--target", "units", "--output", "predictions.csv"];
    let found = report(folder.path(), &args);
    assert_eq!(found["features"], serde_json::json!(["day", "price", "weekday"]), "the text column is left out");
    assert_eq!((found["records"].as_u64(), found["model"]["n"].as_u64()), (Some(400), Some(396)), "gaps are judged by nobody");
    assert!(found["skill"].as_f64().unwrap() > 0.5, "{found}");

    // The same figures follow from the file of predictions.
    let text = std::fs::read_to_string(folder.path().join("predictions.csv")).unwrap();
    assert_eq!(text.lines().next(), Some("record,truth,prediction,naive"));
    let rows: Vec<Vec<f64>> =
        text.lines().skip(1).map(|line| line.split(',').map(|cell| cell.parse().unwrap_or(f64::NAN)).collect()).collect();
    let mae = |column: usize| {
        let errors: Vec<f64> = rows.iter().map(|row| (row[1] - row[column]).abs()).filter(|error| error.is_finite()).collect();
        errors.iter().sum::<f64>() / errors.len() as f64
    };
    let near = |a: f64, b: &Value| (a - b.as_f64().unwrap()).abs() < 1e-9;
    assert!(near(mae(2), &found["model"]["mae"]) && near(mae(3), &found["naive"]["mae"]), "{found}");
}

#[test]
fn forecasters_and_regressors_look_as_far_ahead_as_they_are_told() {
    let folder = tempfile::tempdir().unwrap();
    sales(folder.path());
    let naive = |horizon: &str| {
        report(folder.path(), &["--model", "naive", "--input", "sales.csv", "--target", "units", "--horizon", horizon])
    };
    let (day, week) = (naive("1"), naive("7"));
    assert!(week["model"]["mae"].as_f64() < day["model"]["mae"].as_f64(), "the week's rhythm repeats");
    assert_eq!(week["skill"], 0.0);
    let linear = report(
        folder.path(),
        &["--model", LINEAR, "--input", "sales.csv", "--target", "units", "--features", "units", "--horizon", "7"],
    );
    assert_eq!((linear["horizon"].as_u64(), linear["model"]["n"].as_u64()), (Some(7), Some(389)));
}

#[test]
fn the_same_command_gives_the_same_figures_and_every_n_records_a_line() {
    let folder = tempfile::tempdir().unwrap();
    sales(folder.path());
    let args = ["--model", "knn_regressor", "--input", "sales.csv", "--target", "units", "--every", "100", "--format", "json"];
    let lines = |output: Output| String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect::<Vec<_>>();
    let (first, second) = (lines(run(folder.path(), &args)), lines(run(folder.path(), &args)));
    assert_eq!((first.len(), &first[..4]), (5, &second[..4]));
    let last: Value = serde_json::from_str(&first[3]).unwrap();
    let end: Value = serde_json::from_str(&first[4]).unwrap();
    assert_eq!((&last["model"], &last["skill"]), (&end["model"], &end["skill"]));
}

#[test]
fn mistakes_are_told_with_the_nearest_name_and_the_place() {
    let folder = tempfile::tempdir().unwrap();
    sales(folder.path());
    std::fs::write(folder.path().join("torn.csv"), "x,y\n1,2\n3,4x\n").unwrap();
    let told = |args: &[&str], code: i32| {
        let output = run(folder.path(), args);
        assert_eq!(output.status.code(), Some(code), "{args:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let on = |model: &'static str| ["--model", model, "--input", "sales.csv", "--target", "units"];
    assert!(told(&on("knn_regresor"), 2).contains("did you mean `knn_regressor`?"));
    assert!(told(&on("{ knn_regressor = { n_neighbours = 3 } }"), 2).contains("did you mean `n_neighbors`?"));
    assert!(told(&on("{ knn_regressor = "), 2).contains("not valid TOML"));
    assert!(told(&["--model", "mean", "--input", "sales.csv", "--target", "unit"], 2).contains("did you mean units?"));
    let looks_ahead = told(&["--model", "mean", "--input", "sales.csv", "--target", "units", "--features", "units"], 2);
    assert!(looks_ahead.contains("is the target, which a model is not told in advance"), "{looks_ahead}");
    assert!(
        told(&["--model", "naive", "--input", "sales.csv", "--target", "units", "--horizon", "0"], 2).contains("looks ahead")
    );
    let torn = told(&["--model", "mean", "--input", "torn.csv", "--target", "y"], 1);
    assert!(torn.contains("torn.csv, line 3: the cell \"4x\" of the column \"y\" is no number"), "{torn}");
    assert!(told(&["--model", "mean", "--input", "none.csv", "--target", "y"], 1).contains("none.csv"));
}
