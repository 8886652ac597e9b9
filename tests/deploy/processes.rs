//! Processes of a test: started with a command, an environment and free ports, ended with the test.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::common::waiting::wait_until;
use crate::kafka::free_port;

/// A process that is killed when the test ends.
pub struct Process {
    name: String,
    child: Child,
}

impl Process {
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Self {
        let log = std::fs::File::create(log).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        Process { name: name.into(), child: command.spawn().unwrap_or_else(|error| panic!("{name}: {error}")) }
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// SIGTERM, as `docker compose stop` sends; it must end with success.
    pub fn stop(mut self, patience: Duration) {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(wait_until(patience, || self.child.try_wait().unwrap().is_some()), "{} ends when told to", self.name);
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{} ended with {status}", self.name);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The body of a successful GET.
pub fn get(url: &str) -> Option<String> {
    ureq::get(url).call().ok()?.body_mut().read_to_string().ok()
}

/// A Prometheus of this test.
pub struct Prometheus {
    _process: Process,
    url: String,
}

impl Prometheus {
    /// Starts it on the project's configuration, with other targets and rules at the place where they are here.
    pub fn start(folder: &Path, targets: &[String]) -> Self {
        let text = std::fs::read_to_string(crate::common::root().join("grafana/prometheus/prometheus.yml")).unwrap();
        let rules = crate::common::root().join("grafana/prometheus/alerts.yml");
        let text =
            text.replace("/etc/prometheus/alerts.yml", &rules.display().to_string()).replace("interval: 5s", "interval: 1s");
        let (before, _) = text.split_once("          - tidemill-1:8642").expect("the targets of compose stand there");
        let lines: String = targets.iter().map(|target| format!("          - {target}\n")).collect();
        let file = folder.join("prometheus.yml");
        std::fs::write(&file, before.to_owned() + &lines).unwrap();
        let port = free_port();
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", file.display()));
        command.arg(format!("--storage.tsdb.path={}", folder.join("prometheus").display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        let process = Process::start("prometheus", &mut command, &folder.join("prometheus.log"));
        let prometheus = Prometheus { _process: process, url: format!("http://127.0.0.1:{port}") };
        let ready = format!("{}/-/ready", prometheus.url);
        assert!(wait_until(Duration::from_secs(60), || get(&ready).is_some()), "Prometheus starts");
        prometheus
    }

    /// The result of an instant query, or what is wrong with it.
    pub fn query(&self, expr: &str) -> Result<Vec<Value>, String> {
        let url = format!("{}/api/v1/query", self.url);
        let response = ureq::get(&url).query("query", expr).config().http_status_as_error(false).build().call();
        let text = response.and_then(|mut response| response.body_mut().read_to_string()).map_err(|error| error.to_string())?;
        let answer: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        if answer["status"] == "success" {
            Ok(answer["data"]["result"].as_array().cloned().unwrap_or_default())
        } else {
            Err(text)
        }
    }

    /// Whether a query yields a value above zero.
    pub fn is_positive(&self, expr: &str) -> bool {
        let value = |row: &Value| row["value"][1].as_str().and_then(|text| text.parse::<f64>().ok());
        self.query(expr).is_ok_and(|rows| rows.iter().filter_map(value).any(|value| value > 0.0))
    }
}
