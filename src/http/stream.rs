//! A topic as a live stream of server-sent events: downstream consumers for embedded mode.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use actix_web::web::{Bytes, Data, Path, Query, ServiceConfig, get};
use actix_web::{HttpRequest, HttpResponse, error};
use futures_util::stream::{self, Stream};
use serde::Deserialize;

use super::api::refused;
use super::read_lines;
use super::server::Backend;
use crate::log::{LogError, LogReader};
use crate::record::{Offset, TopicPartition};

/// Records read at once.
const PAGE_RECORDS: u64 = 500;
/// How often a comment keeps the connection alive, and a log that cannot tell changes is looked at.
const HEARTBEAT: Duration = Duration::from_secs(5);

pub(super) fn routes(config: &mut ServiceConfig) {
    config.route("/api/v1/topics/{topic}/stream", get().to(follow));
}

/// Where to begin.
#[derive(Debug, Deserialize)]
struct Begin {
    partition: Option<u32>,
    /// `earliest` or `latest` (the default).
    from: Option<String>,
}

/// The positions of a stream as `Last-Event-ID` carries them: `0:17,1:4`.
fn positions_from_id(id: &str) -> Option<Vec<(u32, Offset)>> {
    let one = |part: &str| {
        let (partition, offset) = part.split_once(':')?;
        Some((partition.parse().ok()?, Offset(offset.parse().ok()?)))
    };
    id.split(',').map(one).collect()
}

fn id_of(positions: &[(u32, Offset)]) -> String {
    positions.iter().map(|(partition, offset)| format!("{partition}:{offset}")).collect::<Vec<_>>().join(",")
}

async fn follow(
    request: HttpRequest,
    backend: Data<Backend>,
    topic: Path<String>,
    begin: Query<Begin>,
) -> actix_web::Result<HttpResponse> {
    let topic = topic.into_inner();
    let resumed = request.headers().get("Last-Event-ID").and_then(|id| positions_from_id(id.to_str().ok()?));
    let positions = match resumed {
        Some(positions) => positions,
        None => first_positions(&backend, &topic, &begin)?,
    };
    let follower = Follower {
        reader: backend.log.reader().map_err(refused)?,
        topic,
        positions,
        ready: VecDeque::new(),
        changes: backend.log.changes(),
    };
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header(("Cache-Control", "no-store"))
        .streaming(follower.events()))
}

fn first_positions(backend: &Backend, topic: &str, begin: &Begin) -> actix_web::Result<Vec<(u32, Offset)>> {
    let earliest = match begin.from.as_deref() {
        None | Some("latest") => false,
        Some("earliest") => true,
        Some(other) => return Err(error::ErrorBadRequest(format!("from={other}: expected earliest or latest\n"))),
    };
    let topics = backend.log.topics().map_err(refused)?;
    let found = topics.iter().find(|t| &*t.spec.name == topic);
    let found = found.ok_or_else(|| error::ErrorNotFound(format!("there is no topic {topic}\n")))?;
    let all = (0..).zip(&found.watermarks).map(|(partition, ends)| (partition, if earliest { ends.start } else { ends.end }));
    Ok(all.filter(|(partition, _)| begin.partition.is_none_or(|only| only == *partition)).collect())
}

struct Follower {
    reader: Box<dyn LogReader>,
    topic: String,
    positions: Vec<(u32, Offset)>,
    ready: VecDeque<Bytes>,
    changes: Option<tokio::sync::watch::Receiver<u64>>,
}

impl Follower {
    fn events(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        stream::unfold(self, |mut follower| async move {
            let event = follower.next().await?;
            Some((Ok(event), follower))
        })
    }

    /// The next event; `None` ends the stream.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(event) = self.ready.pop_front() {
            return Some(event);
        }
        // Seen before reading: a commit while we read wakes us again.
        if let Some(changes) = &mut self.changes {
            changes.mark_unchanged();
        }
        if let Err(cause) = self.read() {
            let text = cause.to_string().replace('\n', " ");
            self.positions.clear();
            return Some(Bytes::from(format!("event: error\ndata: {text}\n\n")));
        }
        if self.positions.is_empty() {
            return None;
        }
        if let Some(event) = self.ready.pop_front() {
            return Some(event);
        }
        self.wait().await;
        Some(Bytes::from_static(b": still here\n\n"))
    }

    fn read(&mut self) -> Result<(), LogError> {
        for place in 0..self.positions.len() {
            let (partition, from) = self.positions[place];
            let at = TopicPartition::new(self.topic.as_str(), partition);
            let (lines, next) = read_lines(self.reader.as_mut(), &at, from, PAGE_RECORDS)?;
            self.positions[place].1 = next;
            if !lines.is_empty() {
                let id = id_of(&self.positions);
                self.ready.push_back(page_event(&lines, &id));
            }
        }
        Ok(())
    }

    async fn wait(&mut self) {
        match &mut self.changes {
            // A log that is gone wakes nobody; the heartbeat still finds out.
            Some(changes) => drop(tokio::time::timeout(HEARTBEAT, changes.changed()).await),
            None => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

/// The records of one page, an event each; the last carries the position to resume from.
fn page_event(lines: &[u8], id: &str) -> Bytes {
    let mut event = Vec::with_capacity(lines.len() + lines.len() / 8);
    let mut lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).peekable();
    while let Some(line) = lines.next() {
        if lines.peek().is_none() {
            event.extend_from_slice(format!("id: {id}\n").as_bytes());
        }
        event.extend_from_slice(b"data: ");
        event.extend_from_slice(line);
        event.extend_from_slice(b"\n\n");
    }
    Bytes::from(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_resume_every_partition() {
        let positions = vec![(0, Offset(17)), (2, Offset(4))];
        assert_eq!(positions_from_id(&id_of(&positions)), Some(positions));
        assert_eq!(positions_from_id("0:x"), None);
    }

    #[test]
    fn a_page_has_one_id_at_its_end() {
        assert_eq!(&page_event(b"{\"a\":1}\n{\"a\":2}\n", "0:2")[..], b"data: {\"a\":1}\n\nid: 0:2\ndata: {\"a\":2}\n\n");
    }
}
