//! Which names are allowed: of nodes, because names are the names of state and of metrics' labels, and of topics, by Kafka's rules.

/// Longest name of a topology, source, node or sink.
pub const MAX_NAME_CHARS: usize = 64;
/// Longest name of a topic: Kafka stores it as a folder's name together with the partition.
pub const MAX_TOPIC_CHARS: usize = 249;
/// What a name may be, in words.
pub const NAME_RULE: &str = "1 to 64 of the characters a-z, 0-9, `_` and `-`";
/// What a topic may be, in words.
pub const TOPIC_RULE: &str =
    "1 to 249 of the characters a-z, A-Z, 0-9, `.`, `_` and `-`, not `.` or `..`, and not beginning with `__`";

/// Whether a topology, source, node or sink may be called so.
pub fn is_name(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    !text.is_empty() && text.len() <= MAX_NAME_CHARS && text.bytes().all(allowed)
}

/// The allowed name nearest to `text`, if anything of it is left.
pub fn nearest_name(text: &str) -> Option<String> {
    let near: String = text.to_lowercase().chars().map(|c| if c == ' ' || c == '.' { '-' } else { c }).collect();
    let kept: String = near.chars().filter(|c| is_name(&c.to_string())).take(MAX_NAME_CHARS).collect();
    is_name(&kept).then_some(kept)
}

/// Whether a topic may be called so. Kafka's own rules, and its internal topics (`__consumer_offsets`) are left alone.
pub fn is_topic(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    let sized = !text.is_empty() && text.len() <= MAX_TOPIC_CHARS;
    sized && text != "." && text != ".." && !text.starts_with("__") && text.bytes().all(allowed)
}

/// A topic's name among Kafka's metrics. Kafka refuses to have two topics that share it.
pub fn metric_name(topic: &str) -> String {
    topic.replace('.', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case_and_bounded() {
        assert!(["a", "lr_2", "x-5m", "0"].into_iter().all(is_name) && is_name(&"a".repeat(64)));
        assert!(!["", "A", "a.b", "a b", "é", "a/b", "(source)"].into_iter().any(is_name) && !is_name(&"a".repeat(65)));
        assert_eq!(nearest_name("My Model.2").as_deref(), Some("my-model-2"));
        assert_eq!(nearest_name("é"), None);
    }

    #[test]
    fn topics_follow_kafka() {
        assert!(["a", "market.candles.1m", "A_b-9", "..."].into_iter().all(is_topic) && is_topic(&"a".repeat(249)));
        assert!(
            !["", ".", "..", "a/b", "a b", "ä", "__consumer_offsets"].into_iter().any(is_topic) && !is_topic(&"a".repeat(250))
        );
        assert_eq!(metric_name("a.b_c-d"), "a_b_c-d");
    }
}
