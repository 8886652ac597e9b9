//! The broker's jars: resolved by Maven into the build folder, once for all test processes.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The pom beside this file names the version.
const JARS: &str = "kafka-4.3.0-jars";

/// Where jars and data directories lie.
pub fn work_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
}

/// The folder of the jars, filled first if it is not there. The error says what is missing.
pub fn resolve() -> Result<PathBuf, String> {
    for (program, argument) in [("java", "-version"), ("mvn", "-version")] {
        let run = Command::new(program).arg(argument).stdin(Stdio::null()).output();
        if !run.is_ok_and(|run| run.status.success()) {
            return Err(format!(
                "{program} is not there; install Java 17 and Maven, or name a broker in TIDEMILL_TEST_BOOTSTRAP_SERVERS"
            ));
        }
    }
    let folder = work_folder().join(JARS);
    if folder.is_dir() {
        return Ok(folder);
    }
    let filling = work_folder().join(format!("{JARS}.{}", std::process::id()));
    // What lies in the local repository needs no network; the rest is fetched.
    if !copy_jars(&filling, true)? && !copy_jars(&filling, false)? {
        return Err(
            "Maven could not resolve org.apache.kafka:kafka_2.13; see `mvn -f tests/common/kafka/pom.xml dependency:resolve`"
                .into(),
        );
    }
    // Another test process may have been faster.
    if std::fs::rename(&filling, &folder).is_err() {
        drop(std::fs::remove_dir_all(&filling));
    }
    Ok(folder)
}

fn copy_jars(to: &Path, offline: bool) -> Result<bool, String> {
    let pom = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/common/kafka/pom.xml");
    let mut maven = Command::new("mvn");
    maven.args(["-q", "-B", "-f"]).arg(pom).arg("dependency:copy-dependencies").arg("-DincludeScope=runtime");
    maven.arg(format!("-DoutputDirectory={}", to.display()));
    if offline {
        maven.arg("-o");
    }
    let run = maven.stdin(Stdio::null()).output().map_err(|e| format!("mvn: {e}"))?;
    Ok(run.status.success())
}
