//! `tidemill healthcheck`: asks an instance whether it is ready. For containers, whose images have no other HTTP client.

use std::time::Duration;

use super::errors::UsageError;
use super::log_options::HealthArgs;
use super::remote::Remote;

/// Runs the command.
///
/// # Errors
/// When the instance does not answer in time, or is not ready.
pub fn run(args: &HealthArgs) -> anyhow::Result<()> {
    if !(args.timeout.is_finite() && (0.01..=3_600.0).contains(&args.timeout)) {
        return Err(UsageError("--timeout: expected seconds from 0.01 to 3600".to_owned()).into());
    }
    let path = if args.live { "/livez" } else { "/readyz" };
    let url = args.url.trim_end_matches('/');
    let url = ["/livez", "/readyz"].iter().find_map(|path| url.strip_suffix(path)).unwrap_or(url);
    print!("{}", Remote::at(url, None, Duration::from_secs_f64(args.timeout)).get(path)?);
    Ok(())
}
