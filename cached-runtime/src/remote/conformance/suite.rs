//! The list of checks, and how they are run.

use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

#[cfg(feature = "rate-limit")]
use super::buckets;
use super::process::Process;
use super::{batches, cells, ends, fills, intents, leases, names, openings, pushes, waiters};
use crate::remote::{Remote, Wake, Watch};

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How an implementation and its server are reached.
pub struct Conformance {
    connect: Box<dyn Fn() -> Boxed<'static, Arc<dyn Remote>> + Send + Sync>,
    wait: Box<dyn Fn(Duration) -> Boxed<'static, ()> + Send + Sync>,
    pushes: bool,
    #[cfg(feature = "rate-limit")]
    limits: bool,
}

/// One thing that an implementation must do.
#[derive(Clone, Copy)]
pub struct Check {
    name: &'static str,
    run: for<'a> fn(&'a Conformance) -> Boxed<'a, ()>,
}

macro_rules! checks {
    ($($module:ident: $($check:ident),+;)+ #[cfg(feature = "rate-limit")] $last:ident: $($late:ident),+;) => {
        &[
            $($(Check {
                name: stringify!($check),
                run: |suite| Box::pin($module::$check(suite)),
            }),+),+,
            $(#[cfg(feature = "rate-limit")]
            Check {
                name: stringify!($late),
                run: |suite| Box::pin($last::$late(suite)),
            }),+
        ]
    };
}

/// All checks.
pub const CHECKS: &[Check] = checks! {
    cells:
        a_cell_that_nobody_made_is_missing,
        ensure_makes_a_cell_once,
        ensure_reads_the_second_list_after_making_the_first,
        all_processes_see_the_same_proof_while_nothing_happens,
        rotate_changes_the_proof_for_everybody,
        rotate_makes_a_missing_cell,
        no_proof_comes_back,
        cells_of_different_kinds_do_not_meet,
        a_cell_ends_with_its_life,
        lock_makes_missing_cells,
        fill_reads_cells_and_makes_none,
        fill_keeps_a_cell_for_longer_and_never_shorter,
        remove_rotates_the_cell_of_a_key_that_has_one;
    intents:
        an_intent_hides_the_cell_from_everybody,
        an_invalidation_leaves_an_intent_alone,
        writes_that_overlap_are_ended_by_none_of_them,
        a_later_intent_lives_no_shorter,
        an_intent_of_a_dead_writer_ends_as_a_missing_cell,
        a_write_turns_families_over_when_it_ends,
        three_hundred_intents_go_at_once,
        a_lag_leaves_intents_that_end_by_themselves,
        a_lag_begins_anew_with_each_invalidation,
        a_write_that_ends_leaves_a_lag,
        a_key_is_not_leased_while_its_source_lags,
        a_soft_turn_shows_the_token_it_replaced,
        whatever_is_not_soft_ends_what_was;
    leases:
        a_free_entry_is_granted_to_one,
        busy_says_for_how_long,
        an_entry_that_was_not_seen_is_changed,
        an_entry_that_was_seen_can_be_locked,
        an_entry_that_has_gone_is_changed,
        no_lease_comes_back,
        a_lease_ends_by_itself,
        renew_keeps_a_lease_past_its_ttl,
        a_lost_lease_is_not_renewed,
        take_over_voids_the_other_lease_and_leaves_the_entry,
        replace_removes_the_entry_at_once;
    openings:
        who_reads_or_locks_is_given_what_is_there,
        who_reads_or_locks_has_the_lease_where_nothing_is,
        who_reads_or_locks_in_vain_is_told_when_it_ends,
        who_reads_or_locks_has_no_lease_while_a_cell_is_hidden;
    ends:
        a_failed_load_lets_the_next_one_in,
        only_its_own_lease_is_released,
        an_answer_that_is_not_stored_lets_all_pass_for_a_second,
        an_unseen_entry_is_found_in_spite_of_a_pass,
        a_pass_does_not_hinder_those_who_take_over,
        a_load_that_failed_is_not_tried_again_by_those_who_can_wait,
        a_rest_ends_with_the_key_and_with_those_who_take_over,
        remove_removes_the_entry_and_voids_the_lease,
        remove_ends_a_pass;
    fills:
        a_fill_stores_all_bytes_and_ends_the_lease,
        stamps_show_the_servers_time_twice,
        the_identity_is_a_part_of_the_entry,
        no_more_of_an_entry_is_read_than_was_asked_for,
        a_lease_fills_once,
        a_fill_under_no_lease_is_refused,
        a_fill_after_its_lease_ran_out_leaves_the_next_one_alone,
        a_fill_replaces_the_entry_and_its_life,
        an_entry_ends_with_its_life,
        a_mebibyte_is_stored;
    waiters:
        who_waits_is_told_that_there_is_an_entry,
        who_waits_is_told_that_the_load_failed,
        who_waits_is_told_that_nothing_is_stored,
        who_waits_is_told_that_the_key_was_invalidated,
        nobody_else_is_told,
        who_was_told_is_not_told_of_the_next_load,
        those_who_wait_stay_when_the_lease_is_taken_over,
        a_lease_that_is_not_in_force_ends_without_a_word;
    batches:
        a_reading_answers_in_the_order_of_the_questions,
        locks_answer_in_the_order_of_the_questions,
        fills_and_renewals_answer_in_the_order_of_the_questions,
        three_hundred_entries_and_cells_go_at_once,
        nothing_asked_is_nothing_answered,
        odd_names_do_not_meet;
    names:
        a_name_is_locked_by_one,
        the_lease_of_a_name_ends_by_itself_unless_renewed,
        a_lost_lease_of_a_name_has_no_effect,
        a_name_is_no_entry,
        all_answers_name_one_server,
        who_has_closed_is_unavailable_and_nobody_else;
    pushes:
        who_follows_hears_that_it_still_does,
        who_follows_is_told_of_a_rotation,
        who_follows_is_told_of_a_cell_that_is_made,
        who_follows_is_told_of_a_key_that_is_removed,
        who_follows_is_told_of_an_entry_that_is_replaced,
        who_follows_is_told_when_everything_is_invalidated,
        a_process_is_told_of_its_own_changes,
        who_follows_is_told_nothing_of_what_stays,
        families_are_not_told,
        what_was_answered_before_a_beat_is_told_before_it_is_heard,
        names_are_told_as_they_are;
    #[cfg(feature = "rate-limit")]
    buckets:
        a_bucket_that_is_not_there_is_full,
        a_bucket_gives_what_it_has_to_all_processes_together,
        a_bucket_fills_with_time,
        a_bucket_that_is_only_looked_at_keeps_what_it_has,
        other_settings_find_the_tokens_that_are_missing,
        buckets_with_odd_names_do_not_meet;
};

impl Check {
    /// The function that checks it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Checks it.
    ///
    /// # Panics
    ///
    /// If it does not hold.
    pub async fn run(&self, suite: &Conformance) {
        (self.run)(suite).await;
    }
}

impl Conformance {
    /// `connect` is another process that uses the same server, which nobody else uses; `wait` lets
    /// time pass on that server.
    pub fn new<C, W>(
        connect: impl Fn() -> C + Send + Sync + 'static,
        wait: impl Fn(Duration) -> W + Send + Sync + 'static,
    ) -> Self
    where
        C: Future<Output = Arc<dyn Remote>> + Send + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        Self {
            connect: Box::new(move || Box::pin(connect())),
            wait: Box::new(move |time| Box::pin(wait(time))),
            pushes: false,
            #[cfg(feature = "rate-limit")]
            limits: false,
        }
    }

    /// The same for an implementation that pushes: it may, and this one does.
    #[must_use]
    pub fn that_pushes(self) -> Self {
        Self {
            pushes: true,
            ..self
        }
    }

    /// The same for an implementation that keeps buckets: it may, and this one does. With the feature
    /// `rate-limit`.
    #[cfg(feature = "rate-limit")]
    #[must_use]
    pub fn that_limits(self) -> Self {
        Self {
            limits: true,
            ..self
        }
    }

    /// Runs all checks, one after the other.
    ///
    /// # Panics
    ///
    /// If some do not hold, after all have been run; the text names them.
    pub async fn all(&self) {
        let mut failed = Vec::new();
        for check in CHECKS {
            let mut run = (check.run)(self);
            let caught = poll_fn(|context| {
                match catch_unwind(AssertUnwindSafe(|| run.as_mut().poll(context))) {
                    Ok(Poll::Pending) => Poll::Pending,
                    Ok(Poll::Ready(())) => Poll::Ready(true),
                    Err(_) => Poll::Ready(false),
                }
            });
            if !caught.await {
                failed.push(check.name);
            }
        }
        assert!(failed.is_empty(), "these checks failed: {failed:?}");
    }

    /// Another process, once it can use the server.
    pub(super) async fn process(&self) -> Process<'_> {
        let remote = (self.connect)().await;
        let wake = Arc::new(Wake::default());
        let watch = Arc::new(Watch::recording());
        remote.attach(Arc::clone(&wake), Arc::clone(&watch));
        let mut patience = 1_000;
        while !remote.status().is_usable() {
            assert!(patience > 0, "it cannot be used: {}", remote.status());
            patience -= 1;
            self.wait(Duration::from_millis(5)).await;
        }
        Process::new(self, remote, wake, watch)
    }

    pub(super) async fn two(&self) -> (Process<'_>, Process<'_>) {
        (self.process().await, self.process().await)
    }

    pub(super) fn pushes(&self) -> bool {
        self.pushes
    }

    #[cfg(feature = "rate-limit")]
    pub(super) fn limits(&self) -> bool {
        self.limits
    }

    pub(super) async fn wait(&self, time: Duration) {
        (self.wait)(time).await;
    }
}

impl fmt::Debug for Conformance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Conformance")
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
