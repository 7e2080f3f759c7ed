//! A community that keeps every event and counts from the beginning whenever it is asked.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// Somebody's key: a small number.
type Key = u8;

/// What may happen.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Somebody makes an invite.
    Offer {
        inviter: Key,
        role: Role,
        uses: u32,
        life: u64,
    },
    /// Somebody asks, with the invite of this number.
    Ask { key: Key, invite: Option<usize> },
    /// A steward gives somebody a role.
    Appoint { key: Key, role: Role },
    /// Somebody is taken off the list.
    Dismiss { key: Key },
    /// An invite is withdrawn.
    Withdraw { invite: usize },
    /// Time passes, in seconds.
    Pass { secs: u64 },
}

/// Draws a step.
pub(super) fn step() -> impl Strategy<Value = Step> {
    let key = 0..8_u8;
    let role = prop::sample::select(Role::ALL.to_vec());
    prop_oneof![
        2 => (key.clone(), role.clone(), 0..5_u32, 0..50_u64)
            .prop_map(|(inviter, role, uses, life)| Step::Offer { inviter, role, uses, life }),
        5 => (key.clone(), prop::option::of(0..5_usize))
            .prop_map(|(key, invite)| Step::Ask { key, invite }),
        1 => (key.clone(), role).prop_map(|(key, role)| Step::Appoint { key, role }),
        1 => key.prop_map(|key| Step::Dismiss { key }),
        1 => (0..5_usize).prop_map(|invite| Step::Withdraw { invite }),
        1 => (1..30_u64).prop_map(|secs| Step::Pass { secs }),
    ]
}

#[derive(Clone, Debug, PartialEq)]
struct Kept {
    inviter: Key,
    terms: Terms,
    expires: Timestamp,
    is_withdrawn: bool,
    /// Who came in by it.
    users: Vec<Key>,
}

/// The book.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Community {
    policy: Policy,
    limits: Limits,
    now: Timestamp,
    members: BTreeMap<Key, Role>,
    waiting: Vec<Key>,
    invites: Vec<Kept>,
}

impl Community {
    /// Founds one with a steward, whose key is 0.
    pub(super) fn new(policy: Policy, limits: Limits) -> Self {
        Self {
            policy,
            limits,
            now: Timestamp(0),
            members: BTreeMap::from([(0, Role::Steward)]),
            waiting: Vec::new(),
            invites: Vec::new(),
        }
    }

    /// Lets something happen.
    pub(super) fn take(&mut self, step: Step) -> Result<(), Refusal> {
        match step {
            Step::Offer {
                inviter,
                role,
                uses,
                life,
            } => self.offer(inviter, role, uses, life),
            Step::Ask { key, invite } => self.ask(key, invite),
            Step::Appoint { key, role } => {
                self.members.insert(key, role);
                self.waiting.retain(|waiting| *waiting != key);
                Ok(())
            }
            Step::Dismiss { key } => {
                self.members.remove(&key);
                Ok(())
            }
            Step::Withdraw { invite } => {
                if let Some(kept) = self.invites.get_mut(invite) {
                    kept.is_withdrawn = true;
                }
                Ok(())
            }
            Step::Pass { secs } => {
                self.now = self.now + Duration::from_secs(secs);
                Ok(())
            }
        }
    }

    fn offer(&mut self, inviter: Key, role: Role, uses: u32, life: u64) -> Result<(), Refusal> {
        let Some(own) = self.members.get(&inviter) else {
            return Ok(());
        };
        let terms = Terms {
            role,
            uses,
            life: Duration::from_secs(life),
        };
        let is_good = |kept: &&Kept| {
            !kept.is_withdrawn
                && kept.expires > self.now
                && kept.users.len() < kept.terms.uses as usize
        };
        let good = self.invites.iter().filter(is_good).count() as u64;
        let expires = super::offer(*own, &terms, good, self.now, &self.limits)?;
        assert!(good < self.limits.invites_max && uses > 0);
        self.invites.push(Kept {
            inviter,
            terms,
            expires,
            is_withdrawn: false,
            users: Vec::new(),
        });
        Ok(())
    }

    fn ask(&mut self, key: Key, invite: Option<usize>) -> Result<(), Refusal> {
        let standing = Standing {
            role: self.members.get(&key).copied(),
            is_waiting: self.waiting.contains(&key),
            members: self.members.len() as u64,
            waiting: self.waiting.len() as u64,
        };
        let kept = invite.map(|number| self.invites.get(number).filter(|kept| !kept.is_withdrawn));
        let brought = match kept {
            None => Brought::Nothing,
            Some(None) => Brought::Unknown,
            Some(Some(kept)) => Brought::Invite(Invite {
                role: kept.terms.role,
                inviter: self.members.get(&kept.inviter).copied(),
                uses_left: kept.terms.uses - u32::try_from(kept.users.len()).expect("few"),
                expires: kept.expires,
            }),
        };
        let decided = decide(self.policy, &standing, &brought, self.now, &self.limits);
        assert_eq!(
            decided.is_ok(),
            self.should_let(key, invite),
            "{standing:?} {brought:?}"
        );
        match decided? {
            Decision::Member(role) => assert_eq!(Some(role), standing.role),
            Decision::StillWaiting => assert!(standing.is_waiting),
            Decision::Wait => self.waiting.push(key),
            Decision::Admit { role, is_by_invite } => {
                assert_eq!(is_by_invite, invite.is_some());
                self.members.insert(key, role);
                self.waiting.retain(|waiting| *waiting != key);
                if let Some(number) = invite {
                    assert_eq!(role, self.invites[number].terms.role);
                    self.invites[number].users.push(key);
                }
            }
        }
        Ok(())
    }

    /// Says it again, in the plainest words: is somebody who asks let in, or let wait?
    fn should_let(&self, key: Key, invite: Option<usize>) -> bool {
        if self.members.contains_key(&key) {
            return true;
        }
        let Some(number) = invite else {
            return match self.policy {
                Policy::Open => (self.members.len() as u64) < self.limits.members_max,
                Policy::Invite => false,
                Policy::Approval => {
                    self.waiting.contains(&key)
                        || (self.waiting.len() as u64) < self.limits.waiting_max
                }
            };
        };
        self.invites.get(number).is_some_and(|kept| {
            let inviter = self.members.get(&kept.inviter);
            let may = match inviter {
                Some(Role::Steward) => true,
                Some(Role::Moderator) => kept.terms.role == Role::Member,
                _ => false,
            };
            may && !kept.is_withdrawn
                && self.now < kept.expires
                && kept.users.len() < kept.terms.uses as usize
                && (self.members.len() as u64) < self.limits.members_max
        })
    }

    /// Holds the book against the bounds.
    pub(super) fn check(&self) {
        assert!(self.waiting.len() as u64 <= self.limits.waiting_max);
        assert!(
            self.waiting
                .iter()
                .all(|key| !self.members.contains_key(key))
        );
        for kept in &self.invites {
            assert!(kept.users.len() <= kept.terms.uses as usize, "{kept:?}");
        }
    }
}
