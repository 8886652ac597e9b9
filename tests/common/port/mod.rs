//! The contract of the log port, to which every adapter is held.
#![allow(dead_code, reason = "every test file uses its own part")]
#![allow(clippy::disallowed_methods, reason = "waiting takes a deadline")]

mod helpers;
pub mod suite;

pub use helpers::*;

/// The contract as tests: `$with` runs a function on a log that has the topics it needs.
macro_rules! port_tests {
    ($with:path) => {
        port_tests!(@each $with,
            the_first_poll_announces_the_assignment_and_the_next_brings_the_records_in_order,
            records_and_offsets_do_not_depend_on_the_size_of_polls_and_batches,
            records_come_back_with_key_timestamp_and_headers,
            outputs_and_offsets_become_visible_together_and_only_with_the_commit,
            an_aborted_transaction_leaves_nothing_and_the_next_one_is_clean,
            an_open_transaction_of_a_dropped_client_leaves_nothing,
            a_new_client_goes_on_at_the_committed_offset_with_its_metadata,
            metadata_longer_than_kafkas_limit_is_refused,
            without_a_committed_offset_latest_starts_at_the_end,
            a_paused_partition_is_silent_until_it_is_resumed,
            a_client_whose_slot_was_taken_over_commits_nothing_more,
            at_least_once_sends_outputs_ahead_of_the_offsets_and_an_abort_leaves_them,
            a_poll_is_woken_by_a_commit,
            a_reader_stays_within_its_bounds_and_waits_at_the_end,
            an_appender_resumes_exactly_where_its_cursor_says,
            topics_are_listed_made_once_and_removed,
            a_group_is_forgotten_only_while_nobody_works_for_it,
            what_cannot_be_is_refused_with_the_name_of_the_thing,
        );
    };
    (@each $with:path, $($name:ident,)*) => {
        $(
            #[test]
            fn $name() {
                $with($crate::port_contract::suite::$name);
            }
        )*
    };
}
