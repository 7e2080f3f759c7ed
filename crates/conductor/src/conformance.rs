//! The properties that every engine has, each with a name, as code that any engine can be put through.
//!
//! A property is given a [`World`]: an engine that can be stopped and started again on the same state, and its clock.
//! It makes agents of its own, so properties may share a world. What an engine says that it cannot do is not asked of
//! it. Crashes in the middle of a write are not among these: an engine's own tests kill its process.

mod appending;
mod apps;
mod calls;
mod member;
mod writing;

use std::pin::Pin;
use std::sync::Arc;

use base::{Duration, Timestamp};
use chain::DnaHash;
use thiserror::Error;

use crate::{Conductor, Fault};

/// What a property works in.
pub trait World: Send + Sync {
    /// Returns the engine that runs now.
    fn conductor(&self) -> Arc<dyn Conductor>;

    /// Stops the engine and starts it again on the same state. No handle of the old one is used afterwards.
    fn restart(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;

    /// Returns the time as the engine sees it.
    fn now(&self) -> Timestamp;

    /// Moves the engine's clock; false when that cannot be done, and what needs it is left out.
    fn pass(&self, span: Duration) -> bool;

    /// Returns a DNA that the engine can host.
    fn dna(&self) -> DnaHash;
}

/// How an engine broke a property.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Violation(pub String);

/// What a property's check returns.
pub type Check<'a> = Pin<Box<dyn Future<Output = Result<(), Violation>> + Send + 'a>>;

/// One property.
#[derive(Clone, Copy)]
pub struct Property {
    /// What holds, as the name of a test.
    pub name: &'static str,
    /// Finds out whether it holds.
    pub check: for<'a> fn(&'a dyn World) -> Check<'a>,
}

impl From<Fault> for Violation {
    fn from(fault: Fault) -> Self {
        Self(format!("refused: {fault} ({})", fault.code()))
    }
}

macro_rules! properties {
    ($($module:ident :: { $($name:ident),* $(,)? }),* $(,)?) => {
        /// All properties.
        pub const PROPERTIES: &[Property] = &[$($(
            Property {
                name: stringify!($name),
                check: |world| Box::pin($module::$name(world)),
            },
        )*)*];
    };
}

properties! {
    apps::{
        provisioning_twice_makes_one_cell,
        new_chain_starts_with_genesis_and_is_ready,
        app_and_cell_belong_to_each_other,
        foreign_signer_is_refused,
        apps_are_listed_by_name_in_pages,
        imported_chain_continues,
        import_is_all_or_none,
        what_cannot_be_done_is_said,
        retired_cell_is_gone_and_remnants_are_named,
        restart_keeps_chains_and_asks_for_signers,
    },
    writing::{
        disabled_cell_takes_no_writes_and_is_still_read,
        writes_come_out_in_order_and_verify,
        private_entries_come_out_with_the_chain,
        batch_with_one_bad_envelope_writes_nothing,
        pages_join_up_to_the_whole_chain,
        record_is_found_by_its_hash,
        nudge_comes_after_its_record,
        signer_that_is_away_delays_a_batch_and_loses_nothing,
        signer_that_refuses_keeps_what_it_signed,
        signer_that_signs_badly_writes_nothing,
        writes_of_one_cell_queue_up,
        ten_cells_write_side_by_side,
        dropped_write_is_whole_or_absent,
        dropped_finish_is_whole_or_absent,
    },
    appending::{
        records_signed_elsewhere_are_taken,
        sending_again_changes_nothing,
        fork_is_refused_with_both_records,
        gap_names_the_place_to_send_from,
        one_bad_record_refuses_the_whole_batch,
        records_of_others_are_refused,
        missing_entry_is_filled_in_later,
        closed_chain_takes_nothing_more,
        action_that_waits_gives_way_to_its_author,
    },
    calls::{
        signed_call_writes_and_answers_with_the_record,
        head_of_a_chain_can_be_asked_for,
        call_is_taken_once_even_after_a_restart,
        call_outside_of_its_time_is_refused,
        call_that_somebody_else_signed_is_refused,
        call_of_what_is_not_there_is_refused,
        location_bytes_of_a_caller_do_not_matter,
    },
}

/// Puts an engine through every property, each in a world of its own; returns those that it broke.
pub async fn run(mut new_world: impl FnMut() -> Arc<dyn World>) -> Vec<(&'static str, Violation)> {
    let mut broken = Vec::new();
    for property in PROPERTIES {
        let world = new_world();
        if let Err(violation) = (property.check)(world.as_ref()).await {
            broken.push((property.name, violation));
        }
    }
    broken
}

/// Returns a violation unless a fact holds.
macro_rules! ensure {
    ($fact:expr, $($words:tt)+) => {
        if !$fact {
            return Err($crate::conformance::Violation(format!($($words)+)));
        }
    };
}
use ensure;

/// Returns a violation unless a request was refused in a certain way.
macro_rules! ensure_refused {
    ($result:expr, $pattern:pat $(if $guard:expr)?) => {
        match $result {
            Err($pattern) $(if $guard)? => {}
            Err(other) => {
                return Err($crate::conformance::Violation(format!(
                    "expected {}, was refused with: {other}",
                    stringify!($pattern)
                )));
            }
            Ok(_) => {
                return Err($crate::conformance::Violation(format!(
                    "expected {}, was taken",
                    stringify!($pattern)
                )));
            }
        }
    };
}
use ensure_refused;
