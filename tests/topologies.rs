//! Every file in `topologies/` compiles without a warning and says in its header what it reads and writes.

use std::fs;
use std::path::{Path, PathBuf};

use tidemill::operators::standard_catalog;
use tidemill::processor::Role;
use tidemill::topology::{Graph, compile};

fn files() -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("topologies");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        (path, text)
    };
    paths.into_iter().filter(|path| path.extension().is_some_and(|e| e == "toml")).map(read).collect()
}

fn graph(path: &Path, text: &str) -> Graph {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    match compile(text, &name, &standard_catalog()) {
        Ok((graph, warnings)) => {
            assert!(warnings.is_empty(), "{name}: {warnings:?}");
            graph
        }
        Err(errors) => panic!("{errors}"),
    }
}

#[test]
fn every_topology_compiles_without_a_warning_and_is_named_like_its_file() {
    let files = files();
    assert!(files.len() >= 4);
    for (path, text) in files {
        let graph = graph(&path, &text);
        assert_eq!(Some(&*graph.name), path.file_stem().unwrap().to_str());
    }
}

#[test]
fn every_header_names_the_topics_and_a_command() {
    for (path, text) in files() {
        let header: String = text.lines().take_while(|line| line.starts_with('#')).collect();
        let graph = graph(&path, &text);
        let mut topics: Vec<String> = graph.output_topics().iter().map(ToString::to_string).collect();
        topics.push(graph.source.topic.to_string());
        for topic in topics {
            assert!(header.contains(&topic), "the header of {} does not name {topic}", path.display());
        }
        assert!(header.contains("tidemill backtest topologies/"), "{}", path.display());
    }
}

#[test]
fn every_forecast_has_a_naive_one_of_its_horizon_beside_it() {
    for (path, text) in files() {
        let graph = graph(&path, &text);
        let learners: Vec<_> = graph.nodes.iter().filter(|node| node.role == Role::Learner).collect();
        let naive = |horizon_ms| {
            learners
                .iter()
                .any(|node| node.spec["model"].get("naive").is_some() && node.port.question.unwrap().horizon_ms == horizon_ms)
        };
        for question in learners.iter().filter_map(|node| node.port.question).filter(|question| !question.nowcast) {
            assert!(naive(question.horizon_ms), "{}: no naive forecast {} ms ahead", path.display(), question.horizon_ms);
        }
    }
}

#[test]
fn the_quickstart_has_six_models_or_more_and_one_of_them_predicts_returns() {
    let (path, text) = files().into_iter().find(|(path, _)| path.ends_with("quickstart.toml")).unwrap();
    let graph = graph(&path, &text);
    let learners = graph.nodes.iter().filter(|node| node.role == Role::Learner);
    assert!(learners.clone().count() >= 6);
    assert!(learners.filter_map(|node| node.port.question).any(|question| question.target.name() == "return"));
}

/// The example of the design, with models that exist.
#[test]
fn the_file_of_the_design_compiles() {
    let text = r#"
[topology]
name = "btc-online"
seed = 7

[sources.candles]
topic = "market.candles.1m"
format = "candle-json"

[processors.bars]
type = "window"
parents = ["candles"]
window = { tumbling = "5m", grace = "10s" }

[processors.x]
type = "features"
parents = ["bars"]
lags = { close = [1, 2, 5] }
returns = [1, 5]

[learners.linear]
parents = ["x"]
target = "close"
horizon = "5m"
model = { linear_regression = { l2 = 0.001 } }
scale = "standard"

[evaluators.score]
parents = ["linear"]
champion = { metric = "mae", window = "1d", hysteresis = 0.02 }

[sinks.predictions]
topic = "predictions"
parents = ["linear"]
"#;
    let graph = graph(Path::new("btc-online.toml"), text);
    assert_eq!((graph.nodes.len(), graph.sinks.len()), (4, 1));
}

/// What a learner's state depends on is in its fingerprint as it is in force: writing a model's default changes nothing, another value does.
#[test]
fn writing_a_models_default_changes_no_fingerprint() {
    let (path, text) = files().into_iter().find(|(path, _)| path.ends_with("small.toml")).unwrap();
    let with = |to: &str| {
        assert!(text.contains("{ clip_gradient = 0.1 }"));
        graph(&path, &text.replace("{ clip_gradient = 0.1 }", to)).fingerprint
    };
    let base = with("{ clip_gradient = 0.1 }");
    assert_eq!(base, with("{ clip_gradient = 0.1, l2 = 0.0, optimizer = \"sgd\" }"));
    assert_eq!(base, with("{ clip_gradient = 0.1, optimizer = { sgd = { learning_rate = 0.01 } } }"));
    assert_ne!(base, with("{ clip_gradient = 0.1, l2 = 0.1 }"));
}
