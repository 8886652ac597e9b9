//! docker-compose.yml: read as compose reads it, and its processes run by hand.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use yaml_rust2::{Yaml, YamlLoader};

use crate::common::waiting::wait_until;
use crate::kafka::free_port;
use crate::kafka::{self, Cluster, ClusterOptions};
use crate::processes::{Process, Prometheus, get};
use crate::queries::filled_in;
use crate::{common, dashboard, has};

/// A mapping with its merge keys (`<<`) resolved.
fn resolved(yaml: &Yaml) -> BTreeMap<String, Yaml> {
    let mut map = BTreeMap::new();
    if let Some(hash) = yaml.as_hash() {
        if let Some(merged) = hash.get(&Yaml::String("<<".into())) {
            map.extend(resolved(merged));
        }
        for (key, value) in hash.iter().filter(|(key, _)| key.as_str() != Some("<<")) {
            map.insert(text(key), value.clone());
        }
    }
    map
}

fn text(yaml: &Yaml) -> String {
    match yaml {
        Yaml::String(text) | Yaml::Real(text) => text.clone(),
        Yaml::Integer(number) => number.to_string(),
        Yaml::Boolean(value) => value.to_string(),
        other => panic!("{other:?} is no plain value"),
    }
}

fn list(yaml: Option<&Yaml>) -> Vec<String> {
    yaml.and_then(Yaml::as_vec).into_iter().flatten().map(text).collect()
}

fn services() -> BTreeMap<String, BTreeMap<String, Yaml>> {
    let text = std::fs::read_to_string(common::root().join("docker-compose.yml")).unwrap();
    let file = YamlLoader::load_from_str(&text).unwrap().remove(0);
    resolved(&file["services"]).into_iter().map(|(name, service)| (name, resolved(&service))).collect()
}

fn environment(service: &BTreeMap<String, Yaml>) -> BTreeMap<String, String> {
    service.get("environment").map(resolved).unwrap_or_default().into_iter().map(|(key, value)| (key, text(&value))).collect()
}

#[test]
fn compose_accepts_the_file() {
    if !has("docker-compose", "TIDEMILL_REQUIRE_COMPOSE") {
        return;
    }
    let run = Command::new("docker-compose").current_dir(common::root()).args(["config", "-q"]).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
}

#[test]
fn what_the_file_mounts_is_there_and_its_parts_fit_together() {
    let services = services();
    let named: Vec<&str> = services.keys().map(String::as_str).collect();
    assert_eq!(named, ["grafana", "ingest", "kafka", "prometheus", "tidemill-1", "tidemill-2", "tidemill-3", "topics"]);
    let mut host_ports = Vec::new();
    for (name, service) in &services {
        for mount in list(service.get("volumes")).iter().filter(|mount| mount.starts_with("./")) {
            let source = mount.split(':').next().unwrap();
            assert!(common::root().join(source).exists(), "{name}: {source} is not there");
        }
        for port in list(service.get("ports")) {
            let parts: Vec<&str> = port.split(':').collect();
            assert_eq!(parts[0], "127.0.0.1", "{name} opens {port} to the world");
            host_ports.push(parts[1].to_owned());
        }
        let image = text(&service["image"]);
        assert!(image == "tidemill" || image.contains(':') && !image.ends_with(":latest"), "{name}: {image} is not pinned");
        let one_shot = matches!(name.as_str(), "topics" | "ingest");
        assert!(one_shot || service.contains_key("healthcheck"), "{name} has no health check");
    }
    let count = host_ports.len();
    host_ports.sort();
    host_ports.dedup();
    assert_eq!(host_ports.len(), count, "a port is taken twice");

    let scraped = std::fs::read_to_string(common::root().join("grafana/prometheus/prometheus.yml")).unwrap();
    for name in named.iter().filter(|name| name.starts_with("tidemill-")) {
        assert!(scraped.contains(&format!("- {name}:8642")), "Prometheus does not scrape {name}");
    }
    let source = std::fs::read_to_string(common::root().join("grafana/provisioning/datasources/prometheus.yml")).unwrap();
    let source = YamlLoader::load_from_str(&source).unwrap().remove(0);
    let source = &source["datasources"][0];
    assert_eq!((source["url"].as_str(), source["uid"].as_str()), (Some("http://prometheus:9090"), Some("prometheus")));
    let provider = std::fs::read_to_string(common::root().join("grafana/provisioning/dashboards/tidemill.yml")).unwrap();
    let provider = YamlLoader::load_from_str(&provider).unwrap().remove(0);
    let path = provider["providers"][0]["options"]["path"].as_str().unwrap().to_owned();
    let mounts = list(services["grafana"].get("volumes"));
    assert!(mounts.contains(&format!("./grafana/dashboards:{path}:ro")), "{mounts:?}");
    assert!(mounts.contains(&"./grafana/provisioning:/etc/grafana/provisioning:ro".to_owned()), "{mounts:?}");
}

/// What the image's start script makes of a variable: `KAFKA_A_B` is `a.b`.
fn property(variable: &str) -> Option<String> {
    let name = variable.strip_prefix("KAFKA_")?;
    Some(
        name.replace("___", "\u{1}")
            .replace("__", "\u{2}")
            .replace('_', ".")
            .replace('\u{1}', "-")
            .replace('\u{2}', "_")
            .to_lowercase(),
    )
}

/// A service's command with the paths and hosts of this machine.
fn command_of(service: &BTreeMap<String, Yaml>, servers: &str, folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidemill"));
    let topologies = common::root().join("topologies").display().to_string();
    command.args(list(service.get("command")).iter().map(|argument| argument.replace("/etc/tidemill/topologies", &topologies)));
    for (name, value) in environment(service) {
        command.env(name, value.replace("kafka:29092", servers).replace("/var/lib/tidemill", &folder.display().to_string()));
    }
    command
}

#[test]
fn the_processes_of_compose_work_together() {
    let services = services();
    let mut options = ClusterOptions::of(1);
    // Ports, listeners and folders are this machine's; everything else is what compose gives the broker.
    let own = ["node.id", "process.roles", "log.dirs"];
    options.properties = environment(&services["kafka"])
        .iter()
        .filter_map(|(name, value)| Some((property(name)?, value.clone())))
        .filter(|(name, _)| !own.contains(&&**name) && !name.contains("listener") && !name.contains("quorum"))
        .collect();
    assert!(options.properties.iter().any(|(name, value)| name == "auto.create.topics.enable" && value == "false"));
    let Some(cluster) = kafka::available(Cluster::start_with(&options)) else { return };
    let servers = cluster.bootstrap();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);

    let topics = command_of(&services["topics"], &servers, &at("topics")).output().unwrap();
    assert!(topics.status.success(), "topics: {}", String::from_utf8_lossy(&topics.stderr));
    let mut ingest = command_of(&services["ingest"], &servers, &at("ingest"));
    let mut ingest = Process::start("ingest", ingest.current_dir(folder.path()), &at("ingest.log"));
    let mut instances = Vec::new();
    for name in ["tidemill-1", "tidemill-2", "tidemill-3"] {
        let port = free_port();
        let mut command = command_of(&services[name], &servers, &at(name));
        // The containers have addresses of their own; here they share one.
        command.env("TIDEMILL_HTTP_PORT", port.to_string()).env("TIDEMILL_HTTP_HOST", "127.0.0.1");
        instances.push((Process::start(name, &mut command, &at(&format!("{name}.log"))), port, name));
    }
    for (instance, port, name) in &mut instances {
        let test = list(resolved(&services[*name]["healthcheck"]).get("test"));
        assert_eq!((&*test[0], &*test[1]), ("CMD", "tidemill"), "{test:?}");
        let healthy = wait_until(Duration::from_secs(120), || {
            assert!(instance.is_running(), "{name}: {}", std::fs::read_to_string(at(&format!("{name}.log"))).unwrap());
            let mut check = Command::new(env!("CARGO_BIN_EXE_tidemill"));
            check.args(test[2..].iter().map(|argument| argument.replace("8642", &port.to_string())));
            check.output().is_ok_and(|run| run.status.success())
        });
        assert!(healthy, "{name} becomes healthy");
    }
    assert!(ingest.is_running(), "{}", std::fs::read_to_string(at("ingest.log")).unwrap());

    if has("prometheus", "TIDEMILL_REQUIRE_PROMETHEUS") {
        let targets: Vec<String> = instances.iter().map(|(_, port, _)| format!("127.0.0.1:{port}")).collect();
        let prometheus = Prometheus::start(folder.path(), &targets);
        let all_six = || {
            prometheus
                .query("sum(tidemill_task_state{state=\"running\"})")
                .is_ok_and(|rows| rows.first().is_some_and(|row| row["value"][1] == "6"))
        };
        assert!(wait_until(Duration::from_secs(120), all_six), "six tasks run");
        let flows = || prometheus.is_positive("sum(rate(tidemill_records_out_total[20s]))");
        assert!(wait_until(Duration::from_secs(120), flows), "predictions come out");
        for query in dashboard::queries() {
            prometheus.query(&filled_in(&query.expr)).unwrap_or_else(|error| panic!("{}: {error}", query.panel));
        }
        assert!(get(&format!("http://127.0.0.1:{}/metrics", instances[0].1)).is_some());
    }
    let grace = text(&services["tidemill-1"]["stop_grace_period"]).trim_end_matches('s').parse().unwrap();
    for (instance, ..) in instances {
        instance.stop(Duration::from_secs(grace));
    }
    ingest.stop(Duration::from_secs(grace));
}
