//! How many connections each address has.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// How many connections each address has.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    counts: Mutex<HashMap<IpAddr, usize>>,
}

/// One connection of an address.
pub(super) struct Place {
    addresses: Arc<Addresses>,
    ip: IpAddr,
}

impl Addresses {
    /// Counts one more connection of an address, unless it has too many. Loopback is exempt.
    pub(super) fn enter(self: &Arc<Self>, ip: IpAddr, max: usize) -> Option<Place> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(ip).or_default();
        if *count >= max && !ip.to_canonical().is_loopback() {
            return None;
        }
        *count += 1;
        Some(Place {
            addresses: Arc::clone(self),
            ip,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let counts = &self.addresses.counts;
        let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.ip) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.ip);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_of_one_address_are_counted() {
        let addresses = Arc::new(Addresses::default());
        let stranger: IpAddr = [192, 0, 2, 1].into();
        let loopback: IpAddr = [127, 0, 0, 1].into();
        let mut places: Vec<Place> = (0..2)
            .map(|_| addresses.enter(stranger, 2).unwrap())
            .collect();
        assert!(addresses.enter(stranger, 2).is_none());
        assert!(addresses.enter([192, 0, 2, 2].into(), 2).is_some());
        let local: Vec<Option<Place>> = (0..5).map(|_| addresses.enter(loopback, 2)).collect();
        assert!(local.iter().all(Option::is_some));
        drop(places.pop());
        assert!(addresses.enter(stranger, 2).is_some());
        drop((places, local));
        assert!(addresses.counts.lock().unwrap().is_empty());
    }
}
