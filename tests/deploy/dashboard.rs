//! Dashboards and alert rules say only what the program measures, and read well.

use std::collections::BTreeSet;

use serde_json::Value;
use tidemill::telemetry::{METRICS, MetricKind};

use crate::{common, has};

/// A query of a panel and the panel it stands in.
pub struct PanelQuery {
    pub panel: String,
    pub expr: String,
}

pub fn dashboard() -> Value {
    let file = common::root().join("grafana/dashboards/tidemill.json");
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

/// The panels that show something.
fn panels(dashboard: &Value) -> impl Iterator<Item = &Value> {
    dashboard["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row")
}

pub fn queries() -> Vec<PanelQuery> {
    let dashboard = dashboard();
    let queries = panels(&dashboard).flat_map(|panel| {
        let title = panel["title"].as_str().unwrap().to_owned();
        let exprs = panel["targets"].as_array().unwrap().iter().map(|target| target["expr"].as_str().unwrap().to_owned());
        exprs.map(move |expr| PanelQuery { panel: title.clone(), expr })
    });
    queries.collect()
}

fn alert_text() -> String {
    std::fs::read_to_string(common::root().join("grafana/prometheus/alerts.yml")).unwrap()
}

/// The words of a text that can be metric names.
fn metric_names(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("tidemill_")).collect()
}

#[test]
fn every_metric_named_in_a_dashboard_or_an_alert_is_measured() {
    let mut known: BTreeSet<String> = BTreeSet::new();
    for metric in METRICS {
        known.insert(metric.name.to_owned());
        if metric.kind == MetricKind::Histogram {
            known.extend(["_bucket", "_sum", "_count"].map(|suffix| format!("{}{suffix}", metric.name)));
        }
    }
    let dashboard = dashboard().to_string();
    let alerts = alert_text();
    for name in metric_names(&dashboard).into_iter().chain(metric_names(&alerts)) {
        assert!(known.contains(name), "{name} is in no line of the metric table");
    }
}

#[test]
fn most_of_what_is_measured_is_shown() {
    let dashboard = dashboard().to_string() + &alert_text();
    let shown = METRICS.iter().filter(|metric| dashboard.contains(metric.name)).count();
    assert!(shown * 10 >= METRICS.len() * 7, "only {shown} of {} metrics are in a panel or an alert", METRICS.len());
}

/// The rules of Grafana's dashboard linter that fit.
#[test]
fn the_dashboard_keeps_the_rules_of_its_craft() {
    let dashboard = dashboard();
    assert_eq!(dashboard["uid"], "tidemill");
    assert_eq!(dashboard["editable"], false, "it is provisioned: changes belong into the file");
    let variables: Vec<&str> =
        dashboard["templating"]["list"].as_array().unwrap().iter().map(|v| v["name"].as_str().unwrap()).collect();
    assert_eq!(variables, ["datasource", "job", "instance", "coin"]);
    let mut places = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for panel in panels(&dashboard) {
        let title = panel["title"].as_str().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}: its id is taken");
        assert!(panel["description"].as_str().is_some_and(|text| text.ends_with('.')), "{title}: a sentence says what it means");
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{title}: a unit");
        let at = &panel["gridPos"];
        let [x, y, w] = ["x", "y", "w"].map(|name| at[name].as_u64().unwrap());
        assert!(x + w <= 24, "{title} is wider than the page");
        assert!((x..x + w).all(|x| places.insert((x, y))), "{title} lies over another panel");
    }
    for PanelQuery { panel, expr } in queries() {
        assert!(expr.contains(r#"job=~"$job""#) && expr.contains(r#"instance=~"$instance""#), "{panel}: {expr}");
        assert!(!expr.contains("rate(") || expr.contains("[$__rate_interval]") || expr.contains("[5m]"), "{panel}: {expr}");
        let counter = METRICS.iter().any(|metric| metric.kind == MetricKind::Counter && expr.contains(metric.name));
        assert!(!counter || expr.contains("rate(") || expr.contains("increase("), "{panel}: a counter without a rate: {expr}");
    }
}

#[test]
fn the_alert_rules_hold_their_own_tests() {
    if !has("promtool", "TIDEMILL_REQUIRE_PROMETHEUS") {
        return;
    }
    let folder = common::root().join("grafana/prometheus");
    for arguments in [["check", "rules", "alerts.yml"], ["test", "rules", "alerts.test.yml"]] {
        let run = std::process::Command::new("promtool").current_dir(&folder).args(arguments).output().unwrap();
        assert!(run.status.success(), "{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    }
}
