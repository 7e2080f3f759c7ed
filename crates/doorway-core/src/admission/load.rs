//! How much is under way, and which classes still get in.

use super::{Class, Limits};

/// Classes that share places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    Service,
    Reads,
    Searches,
    Events,
    Writes,
    Admin,
}

impl Group {
    const COUNT: usize = 6;

    const fn of(class: Class) -> Self {
        match class {
            Class::Service => Self::Service,
            Class::Page | Class::Read | Class::Proof | Class::Blob => Self::Reads,
            Class::Search => Self::Searches,
            Class::Events => Self::Events,
            Class::Write | Class::Auth => Self::Writes,
            Class::Admin => Self::Admin,
        }
    }

    /// Whether its requests count towards the total.
    const fn is_in_total(self) -> bool {
        match self {
            Self::Service | Self::Events => false,
            Self::Reads | Self::Searches | Self::Writes | Self::Admin => true,
        }
    }

    /// Up to how many eighths of the total it still gets in.
    const fn eighths_max(self) -> u128 {
        match self {
            Self::Service | Self::Reads | Self::Events | Self::Admin => 8,
            Self::Searches => 7,
            Self::Writes => 6,
        }
    }
}

/// Counts what is under way.
#[derive(Clone, Debug)]
pub(super) struct Load {
    total_max: usize,
    group_max: [usize; Group::COUNT],
    bytes_max: u64,
    request_bytes_max: u64,
    total: usize,
    by_group: [usize; Group::COUNT],
    by_class: [usize; Class::ALL.len()],
    bytes: u64,
}

impl Load {
    pub(super) fn new(limits: &Limits) -> Self {
        let mut group_max = [0; Group::COUNT];
        group_max[Group::Service as usize] = limits.service_in_flight_max;
        group_max[Group::Reads as usize] = limits.in_flight_max;
        group_max[Group::Searches as usize] = limits.searches_in_flight_max;
        group_max[Group::Events as usize] = limits.events_in_flight_max;
        group_max[Group::Writes as usize] = limits.writes_in_flight_max;
        group_max[Group::Admin as usize] = limits.admin_in_flight_max;
        Self {
            total_max: limits.in_flight_max,
            group_max,
            bytes_max: limits.write_bytes_in_flight_max,
            // One write alone always gets in.
            request_bytes_max: limits.write_bytes_max.min(limits.write_bytes_in_flight_max),
            total: 0,
            by_group: [0; Group::COUNT],
            by_class: [0; Class::ALL.len()],
            bytes: 0,
        }
    }

    /// Takes a place; returns how many bytes are reserved with it, or nothing when there is no place.
    pub(super) fn enter(&mut self, class: Class, announced_bytes: Option<u64>) -> Option<u64> {
        let group = Group::of(class);
        let bytes = match class {
            Class::Write => announced_bytes
                .unwrap_or(u64::MAX)
                .min(self.request_bytes_max),
            Class::Service
            | Class::Page
            | Class::Read
            | Class::Search
            | Class::Proof
            | Class::Blob
            | Class::Events
            | Class::Auth
            | Class::Admin => 0,
        };
        let has_place = self.by_group[group as usize] < self.group_max[group as usize];
        let has_bytes = bytes <= self.bytes_max - self.bytes;
        if !has_place || !has_bytes || (group.is_in_total() && !self.has_room(group)) {
            return None;
        }
        self.by_group[group as usize] += 1;
        self.by_class[class as usize] += 1;
        self.total += usize::from(group.is_in_total());
        self.bytes += bytes;
        Some(bytes)
    }

    pub(super) const fn leave(&mut self, class: Class, bytes: u64) {
        let group = Group::of(class);
        self.by_group[group as usize] -= 1;
        self.by_class[class as usize] -= 1;
        self.total -= group.is_in_total() as usize;
        self.bytes -= bytes;
    }

    pub(super) const fn in_flight(&self, class: Class) -> usize {
        self.by_class[class as usize]
    }

    pub(super) const fn total(&self) -> usize {
        self.total
    }

    pub(super) const fn write_bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether the total leaves room: it is below the maximum, and not above the group's part of it.
    const fn has_room(&self, group: Group) -> bool {
        let is_within = self.total as u128 * 8 <= self.total_max as u128 * group.eighths_max();
        self.total < self.total_max && is_within
    }
}
