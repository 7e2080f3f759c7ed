//! A naive admission: lists that are searched from end to end, and any sequence of visits against it.

use core::net::{IpAddr, Ipv4Addr};

use base::{Duration, Timestamp};
use proptest::prelude::*;

use super::super::{Admission, Class, Limits, Place, Reason, Verdict, Visitor};

/// One address that has spent something.
struct Spent {
    address: u8,
    /// What it has, in parts of which a token has as many as a minute has microseconds.
    parts: u128,
    at: u64,
}

struct Naive {
    limits: Limits,
    /// The last used one stands last.
    spent: Vec<Spent>,
    inside: Vec<(Class, u64)>,
}

impl Naive {
    fn refill(&mut self, now: u64) {
        let full = u128::from(self.limits.address_burst) * 60_000_000;
        let rate = u128::from(self.limits.address_requests_per_minute);
        for spent in &mut self.spent {
            spent.parts = (spent.parts + u128::from(now - spent.at) * rate).min(full);
            spent.at = now;
        }
    }

    fn count(&self, classes: &[Class]) -> usize {
        let is_one = |inside: &&(Class, u64)| classes.contains(&inside.0);
        self.inside.iter().filter(is_one).count()
    }

    fn has_place(&self, class: Class, bytes: u64) -> bool {
        use Class::{Admin, Auth, Blob, Events, Page, Proof, Read, Search, Service, Write};
        let total = self.count(&[Page, Read, Proof, Blob, Search, Write, Auth, Admin]);
        let max = self.limits.in_flight_max;
        let reserved: u64 = self.inside.iter().map(|(_, bytes)| bytes).sum();
        let is_full = max <= total;
        match class {
            Service => self.count(&[Service]) < self.limits.service_in_flight_max,
            Events => self.count(&[Events]) < self.limits.events_in_flight_max,
            Page | Read | Proof | Blob => !is_full,
            Admin => !is_full && self.count(&[Admin]) < self.limits.admin_in_flight_max,
            Search => {
                let is_crowded = total as f64 > max as f64 * 0.875;
                let count = self.count(&[Search]);
                !is_full && !is_crowded && count < self.limits.searches_in_flight_max
            }
            Write | Auth => {
                let is_crowded = total as f64 > max as f64 * 0.75;
                let count = self.count(&[Write, Auth]);
                let has_bytes = reserved + bytes <= self.limits.write_bytes_in_flight_max;
                !is_full && !is_crowded && has_bytes && count < self.limits.writes_in_flight_max
            }
        }
    }

    fn admit(
        &mut self,
        now: u64,
        address: u8,
        class: Class,
        bytes: Option<u64>,
    ) -> Result<(), Option<u32>> {
        self.refill(now);
        let full = u128::from(self.limits.address_burst) * 60_000_000;
        let rate = u128::from(self.limits.address_requests_per_minute);
        let cost = (u128::from(class.cost()) * 60_000_000).min(full);
        let found = self.spent.iter().position(|spent| spent.address == address);
        let parts = found.map_or(full, |idx| self.spent[idx].parts);
        if parts < cost {
            let secs = (1_u32..)
                .find(|secs| cost <= parts + u128::from(*secs) * 1_000_000 * rate)
                .expect("it fills some time");
            return Err(Some(secs));
        }
        let bytes = if class == Class::Write {
            let most = self
                .limits
                .write_bytes_max
                .min(self.limits.write_bytes_in_flight_max);
            bytes.map_or(most, |bytes| bytes.min(most))
        } else {
            0
        };
        if !self.has_place(class, bytes) {
            return Err(None);
        }
        if class != Class::Blob {
            self.inside.push((class, bytes));
        }
        if cost > 0 {
            if let Some(idx) = found {
                self.spent.remove(idx);
            } else if self.spent.len() == self.limits.addresses_max {
                let is_full = |spent: &Spent| spent.parts == full;
                self.spent
                    .remove(self.spent.iter().position(is_full).unwrap_or(0));
            }
            self.spent.push(Spent {
                address,
                parts: parts - cost,
                at: now,
            });
        }
        Ok(())
    }
}

#[derive(Clone, Debug)]
enum Step {
    Pass(u64),
    Visit {
        address: u8,
        class: Class,
        bytes: Option<u64>,
    },
    Leave(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let class = prop::sample::select(Class::ALL.as_slice());
    let bytes = prop::option::of(0_u64..80);
    let step = prop_oneof![
        2 => (0_u64..20_000_000).prop_map(Step::Pass),
        6 => (0_u8..6, class, bytes)
            .prop_map(|(address, class, bytes)| Step::Visit { address, class, bytes }),
        3 => any::<usize>().prop_map(Step::Leave),
    ];
    prop::collection::vec(step, 0..150)
}

prop_compose! {
    fn limits()(
        rate in 1_u32..60,
        burst in 1_u32..12,
        addresses_max in 1_usize..6,
        in_flight_max in 0_usize..12,
        shares in prop::collection::vec(0_usize..5, 5),
        write_bytes_in_flight_max in 0_u64..150,
    ) -> Limits {
        Limits {
            address_requests_per_minute: rate,
            address_burst: burst,
            addresses_max,
            loopback_exempt: false,
            in_flight_max,
            writes_in_flight_max: shares[0],
            searches_in_flight_max: shares[1],
            admin_in_flight_max: shares[2],
            events_in_flight_max: shares[3],
            service_in_flight_max: shares[4],
            write_bytes_in_flight_max,
            write_bytes_max: 60,
            ..Limits::default()
        }
    }
}

fn visitor(address: u8, class: Class, announced_bytes: Option<u64>) -> Visitor {
    Visitor {
        address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, address)),
        class,
        announced_bytes,
    }
}

proptest! {
    #[test]
    fn it_says_what_the_naive_one_says(limits in limits(), steps in steps()) {
        let mut admission = Admission::new(limits.clone());
        let mut naive = Naive { limits: limits.clone(), spent: Vec::new(), inside: Vec::new() };
        let mut places: Vec<Place> = Vec::new();
        let mut now = 0_u64;
        for step in steps {
            match step {
                Step::Pass(micros) => now += micros,
                Step::Visit { address, class, bytes } => {
                    let expect = naive.admit(now, address, class, bytes);
                    let time = Timestamp(now.cast_signed());
                    match admission.admit(time, visitor(address, class, bytes)) {
                        Verdict::Admitted(place) => {
                            prop_assert_eq!(expect, Ok(()));
                            prop_assert_eq!(place.is_held(), class != Class::Blob);
                            if place.is_held() {
                                places.push(place);
                            } else {
                                admission.leave(place);
                            }
                        }
                        Verdict::Refused { reason: Reason::Address, retry_after_secs } => {
                            prop_assert_eq!(expect, Err(Some(retry_after_secs)));
                        }
                        Verdict::Refused { reason: Reason::Load, retry_after_secs } => {
                            prop_assert_eq!(expect, Err(None));
                            prop_assert!((1..=5).contains(&retry_after_secs));
                        }
                    }
                }
                Step::Leave(_) if places.is_empty() => {}
                Step::Leave(idx) => {
                    let idx = idx % places.len();
                    admission.leave(places.remove(idx));
                    naive.inside.remove(idx);
                }
            }
            prop_assert!(admission.addresses() <= limits.addresses_max);
            prop_assert!(admission.in_flight_total() <= limits.in_flight_max);
            for class in Class::ALL {
                prop_assert_eq!(admission.in_flight(class), naive.count(&[class]));
            }
        }
        for place in places {
            admission.leave(place);
        }
        prop_assert_eq!(admission.in_flight_total(), 0);
        prop_assert_eq!(admission.write_bytes_in_flight(), 0);
    }

    #[test]
    fn between_two_jumps_nobody_gets_more_than_burst_and_rate(
        jumps in prop::collection::vec(-10_000_000_000_i64..10_000_000_000, 1..8),
        pauses in prop::collection::vec(0_u64..300_000, 0..40),
    ) {
        let limits = Limits { address_burst: 5, address_requests_per_minute: 120, ..Limits::default() };
        let mut admission = Admission::new(limits);
        let mut now = Timestamp::EPOCH;
        for jump in jumps {
            now = Timestamp(now.0 + jump);
            let start = now;
            let mut count = 0;
            for pause in &pauses {
                now = now + Duration::from_micros(*pause);
                if let Verdict::Admitted(place) = admission.admit(now, visitor(1, Class::Page, None)) {
                    admission.leave(place);
                    count += 1;
                }
            }
            let passed = now.since(start).as_micros();
            prop_assert!(u128::from(count as u32) * 500_000 <= 5 * 500_000 + u128::from(passed));
        }
        // Two tokens a second: after the burst's time, and the second that a step back may cost, it is full.
        now = now + Duration::from_micros(2_500_000) + crate::steady::JITTER;
        for _ in 0..5 {
            let verdict = admission.admit(now, visitor(1, Class::Page, None));
            prop_assert!(matches!(verdict, Verdict::Admitted(_)));
        }
    }
}
