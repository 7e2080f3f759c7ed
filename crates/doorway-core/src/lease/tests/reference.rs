//! A table that keeps every grant there ever was, a believer that keeps every request, and any inputs against both.

use std::collections::BTreeMap;

use base::{Duration, Machine as _, Timestamp};
use proptest::prelude::*;

use super::super::{
    Call, Epoch, GrantTable, HolderId, Input, Lease, Limits, Output, Reply, Request,
};

struct Grant {
    holder: HolderId,
    /// When it was given or renewed, or the earliest time that the clock has shown since.
    at: i64,
    ttl: i64,
    is_back: bool,
}

/// Every grant there ever was; an epoch is a place in the list.
#[derive(Default)]
struct Naive(Vec<Grant>);

impl Naive {
    fn apply(&mut self, now: i64, request: &Request) -> Reply {
        let epoch = Epoch(self.0.len() as u64);
        let touches = matches!(request, Request::TryAcquire { .. } | Request::Renew { .. });
        if let (Some(last), true) = (self.0.last_mut(), touches) {
            last.at = last.at.min(now);
        }
        let last = self.0.last_mut();
        let left = match &last {
            Some(grant) if !grant.is_back => (grant.at + grant.ttl - now).max(0),
            _ => 0,
        };
        let is_current = |holder: &HolderId, of: &Epoch| {
            last.as_ref()
                .is_some_and(|grant| grant.holder == *holder && !grant.is_back)
                && *of == epoch
        };
        match request {
            Request::TryAcquire { holder, ttl } => {
                if 0 < left && !is_current(holder, &epoch) {
                    return denied(last.map(|grant| grant.holder.clone()), epoch, left);
                }
                if left == 0 {
                    self.0.push(Grant {
                        holder: holder.clone(),
                        at: now,
                        ttl: 0,
                        is_back: false,
                    });
                }
                self.extend(now, *ttl)
            }
            Request::Renew {
                holder,
                epoch: of,
                ttl,
            } => {
                let is_own = is_current(holder, of);
                if 0 < left && is_own {
                    return self.extend(now, *ttl);
                }
                let held = last.filter(|_| 0 < left);
                denied(held.map(|grant| grant.holder.clone()), epoch, left)
            }
            Request::Release { holder, epoch: of } => {
                let is_own = is_current(holder, of);
                if let Some(last) = last.filter(|_| is_own) {
                    last.is_back = true;
                }
                Reply::Released
            }
            Request::Check { epoch: of } => {
                let is_held = last.is_some_and(|grant| !grant.is_back);
                if is_held && *of == epoch {
                    Reply::Accepted
                } else {
                    Reply::Fenced { epoch }
                }
            }
        }
    }
    /// Lets the last grant last from now.
    fn extend(&mut self, now: i64, ttl: Duration) -> Reply {
        let epoch = Epoch(self.0.len() as u64);
        let last = self.0.last_mut().expect("there is one");
        (last.at, last.ttl) = (now, ttl.as_micros().cast_signed());
        Reply::Granted { epoch, ttl }
    }
}

fn denied(holder: Option<HolderId>, epoch: Epoch, left: i64) -> Reply {
    Reply::Denied {
        holder,
        epoch,
        remaining: Duration::from_micros(left.unsigned_abs()),
    }
}

fn requests() -> impl Strategy<Value = Vec<(i64, Request)>> {
    let holder = || {
        prop::sample::select(vec!["ada", "bob", "eve"]).prop_map(|name| HolderId(name.to_owned()))
    };
    let epoch = || (0_u64..8).prop_map(Epoch);
    let ttl = || (0_u64..20).prop_map(Duration::from_micros);
    let request = prop_oneof![
        3 => (holder(), ttl()).prop_map(|(holder, ttl)| Request::TryAcquire { holder, ttl }),
        3 => (holder(), epoch(), ttl())
            .prop_map(|(holder, epoch, ttl)| Request::Renew { holder, epoch, ttl }),
        1 => (holder(), epoch()).prop_map(|(holder, epoch)| Request::Release { holder, epoch }),
        2 => epoch().prop_map(|epoch| Request::Check { epoch }),
    ];
    let step = prop_oneof![6 => 0_i64..10, 1 => -30_i64..30];
    prop::collection::vec((step, request), 0..60)
}

/// What the machine is told; answers name the newest request or the one before it.
#[derive(Clone, Debug)]
enum Saying {
    Pass(u64),
    Granted {
        is_late: bool,
        epoch: u64,
        ttl_secs: u64,
    },
    Denied {
        is_late: bool,
        holder: Option<u8>,
        epoch: u64,
        millis: u64,
    },
    Failed {
        is_late: bool,
    },
    Fenced {
        epoch: u64,
    },
    Leave,
}

fn sayings() -> impl Strategy<Value = Vec<Saying>> {
    let late = || prop::bool::weighted(0.2);
    let saying = prop_oneof![
        6 => (0_u64..6_000).prop_map(Saying::Pass),
        5 => (late(), 1_u64..4, 0_u64..20)
            .prop_map(|(is_late, epoch, ttl_secs)| Saying::Granted { is_late, epoch, ttl_secs }),
        2 => (late(), prop::option::of(0_u8..2), 1_u64..4, 0_u64..9_000).prop_map(
            |(is_late, holder, epoch, millis)| Saying::Denied { is_late, holder, epoch, millis }
        ),
        1 => late().prop_map(|is_late| Saying::Failed { is_late }),
        1 => (0_u64..5).prop_map(|epoch| Saying::Fenced { epoch }),
    ];
    (prop::collection::vec(saying, 0..60), any::<bool>()).prop_map(|(mut sayings, leaves)| {
        if leaves {
            let idx = sayings.len() / 2;
            sayings.insert(idx, Saying::Leave);
        }
        sayings
    })
}

/// What a process may believe: the epoch and the end of the last grant that nothing has taken away.
#[derive(Default)]
struct Believer {
    sent: BTreeMap<Call, Timestamp>,
    held: Option<(Epoch, Timestamp)>,
    has_left: bool,
}

impl Believer {
    fn hear(&mut self, now: Timestamp, input: &Input, limits: &Limits) {
        self.held = self.held.filter(|(_, until)| now < *until);
        match input {
            Input::Granted { call, epoch, ttl } => {
                // Only the newest request may be answered, once and in time.
                let Some(sent) = self.take(*call) else { return };
                let until = sent + *ttl - limits.margin;
                if now < until && !self.has_left {
                    self.held = Some((*epoch, until));
                }
            }
            Input::Denied { call, .. } => {
                if self.take(*call).is_some() {
                    self.held = None;
                }
            }
            Input::Failed { call } => drop(self.take(*call)),
            Input::Fenced { epoch } => {
                if self.held.is_some_and(|(held, _)| held < *epoch) {
                    // It asks anew; what was asked before is not waited for.
                    self.sent.clear();
                    self.held = None;
                }
            }
            Input::Leave => {
                self.has_left = true;
                self.held = None;
            }
            Input::Timeout => {}
        }
        self.sent
            .retain(|_, sent| now < *sent + limits.request_time_max);
    }

    fn take(&mut self, call: Call) -> Option<Timestamp> {
        let sent = self.sent.remove(&call)?;
        Some(sent)
    }
}

fn input(saying: &Saying, newest: u64) -> Input {
    let call = |is_late: bool| Call(newest.saturating_sub(u64::from(is_late)));
    match saying {
        Saying::Pass(_) => Input::Timeout,
        Saying::Granted {
            is_late,
            epoch,
            ttl_secs,
        } => Input::Granted {
            call: call(*is_late),
            epoch: Epoch(*epoch),
            ttl: Duration::from_secs(*ttl_secs),
        },
        Saying::Denied {
            is_late,
            holder,
            epoch,
            millis,
        } => Input::Denied {
            call: call(*is_late),
            holder: holder.map(|name| HolderId(name.to_string())),
            epoch: Epoch(*epoch),
            remaining: Duration::from_millis(*millis),
        },
        Saying::Failed { is_late } => Input::Failed {
            call: call(*is_late),
        },
        Saying::Fenced { epoch } => Input::Fenced {
            epoch: Epoch(*epoch),
        },
        Saying::Leave => Input::Leave,
    }
}

proptest! {
    #[test]
    fn table_says_what_the_list_of_all_grants_says(requests in requests()) {
        let (mut table, mut naive) = (GrantTable::default(), Naive::default());
        let mut now = 1_000_000;
        let mut newest = Epoch(0);
        for (step, request) in requests {
            now += step;
            prop_assert_eq!(table.apply(Timestamp(now), &request), naive.apply(now, &request));
            prop_assert!(newest <= table.epoch());
            newest = table.epoch();
        }
    }

    #[test]
    fn machine_believes_what_it_may_and_starts_and_stops_in_turns(sayings in sayings()) {
        let limits = Limits::default();
        let mut lease = Lease::new(HolderId("me".to_owned()), limits.clone());
        let mut believer = Believer::default();
        let (mut now, mut newest, mut writing) = (Timestamp::EPOCH, 0, None);
        for saying in sayings {
            if let Saying::Pass(millis) = saying {
                now = now + Duration::from_millis(millis);
            }
            let input = input(&saying, newest);
            believer.hear(now, &input, &limits);
            lease.handle(now, input);
            while let Some(output) = lease.poll_output() {
                match output {
                    Output::TryAcquire { call, .. } | Output::Renew { call, .. } => {
                        prop_assert!(believer.sent.is_empty(), "one request at a time");
                        prop_assert!(!believer.has_left);
                        believer.sent.insert(call, now);
                        newest = call.0;
                    }
                    Output::Start { epoch } => prop_assert_eq!(writing.replace(epoch), None),
                    Output::Stop { .. } => prop_assert!(writing.take().is_some()),
                    Output::Release { .. } => prop_assert!(believer.has_left && writing.is_none()),
                }
            }
            prop_assert_eq!(lease.may_write(now), believer.held.map(|(epoch, _)| epoch));
            prop_assert_eq!(lease.may_write(now), writing);
            match lease.poll_timeout() {
                Some((at, _)) => prop_assert!(now < at && !believer.has_left),
                None => prop_assert!(believer.has_left),
            }
        }
    }
}
