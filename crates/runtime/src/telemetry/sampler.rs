//! Which traces are kept.
//!
//! A trace that begins here is kept by chance, in the configured share. One that came from outside is kept when its
//! beginner kept it, but strangers can ask for only so many of these in a second; beyond that, chance decides too.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use opentelemetry::trace::{Link, SpanKind, TraceContextExt as _, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, SamplingResult, ShouldSample};

/// How many traces in a second are kept because somebody outside asked for it.
pub(super) const ASKED_PER_SEC_MAX: u64 = 100;

/// Decides at the edge, where nobody who asks is known.
#[derive(Clone, Debug)]
pub(super) struct EdgeSampler {
    chance: Sampler,
    asked: Arc<Allowance>,
}

/// A count that starts anew each second.
#[derive(Debug)]
pub(super) struct Allowance {
    start: Instant,
    /// Which second, in the upper half; how many were given out in it, in the lower.
    given: AtomicU64,
}

impl EdgeSampler {
    /// Makes a sampler that keeps `ratio` of what begins here.
    pub(super) fn new(ratio: f64) -> Self {
        Self {
            chance: Sampler::TraceIdRatioBased(ratio),
            asked: Arc::new(Allowance::new()),
        }
    }
}

impl Allowance {
    pub(super) fn new() -> Self {
        Self {
            start: Instant::now(),
            given: AtomicU64::new(0),
        }
    }

    /// Takes one of this second's.
    fn take(&self) -> bool {
        self.take_in(self.start.elapsed().as_secs())
    }

    /// Takes one of a second's.
    pub(super) fn take_in(&self, second: u64) -> bool {
        let second = second & u64::from(u32::MAX);
        let next = |given: u64| {
            let count = if given >> 32 == second {
                given & u64::from(u32::MAX)
            } else {
                0
            };
            (count < ASKED_PER_SEC_MAX).then_some((second << 32) | (count + 1))
        };
        let taken = self
            .given
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        taken.is_ok()
    }
}

impl ShouldSample for EdgeSampler {
    fn should_sample(
        &self,
        parent_context: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        span_kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let parent = parent_context.map(|context| context.span().span_context().clone());
        let parent = parent.filter(|parent| parent.is_valid());
        let by_chance = || {
            let result = self
                .chance
                .should_sample(None, trace_id, name, span_kind, attributes, links);
            result.decision
        };
        let decision = match &parent {
            None => by_chance(),
            Some(parent) if !parent.is_sampled() => SamplingDecision::Drop,
            Some(parent) if !parent.is_remote() || self.asked.take() => {
                SamplingDecision::RecordAndSample
            }
            Some(_) => by_chance(),
        };
        let trace_state =
            parent.map_or_else(TraceState::default, |parent| parent.trace_state().clone());
        SamplingResult {
            decision,
            attributes: Vec::new(),
            trace_state,
        }
    }
}
