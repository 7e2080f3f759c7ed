//! The bounds of who gets in.

/// Bounds of admission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many tokens an address gets back in a minute; 0 is taken as 1.
    pub address_requests_per_minute: u32,
    /// How many tokens an address may have at once; 0 is taken as 1. A class that costs more than this costs this.
    pub address_burst: u32,
    /// How many addresses are remembered. Those that have all their tokens are forgotten first, then those that were
    /// not seen for longest; 0 is taken as 1.
    pub addresses_max: usize,
    /// Whether requests from this machine cost nothing.
    pub loopback_exempt: bool,
    /// Most requests under way, without event streams and service routes. Searches get in up to 7/8 of it, writes and
    /// tokens up to 3/4.
    pub in_flight_max: usize,
    /// Most writes and requests for tokens under way, together.
    pub writes_in_flight_max: usize,
    /// Most searches under way.
    pub searches_in_flight_max: usize,
    /// Most stewards' requests under way.
    pub admin_in_flight_max: usize,
    /// Most event streams that are open; they are counted apart.
    pub events_in_flight_max: usize,
    /// Most service requests under way; they are counted apart.
    pub service_in_flight_max: usize,
    /// Most bytes of bodies of writes under way, by what they announce.
    pub write_bytes_in_flight_max: u64,
    /// Most bytes that one write is counted for: what it holds in memory at most, and what it is taken to have when it
    /// does not say.
    pub write_bytes_max: u64,
    /// Who is turned away because of the load is told to wait for 1 up to this many seconds, each for another number,
    /// so that they do not all come back at once; 0 is taken as 1.
    pub load_retry_secs_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            address_requests_per_minute: 3_000,
            address_burst: 1_000,
            addresses_max: 100_000,
            loopback_exempt: true,
            in_flight_max: 1_024,
            writes_in_flight_max: 64,
            searches_in_flight_max: 64,
            admin_in_flight_max: 16,
            events_in_flight_max: 256,
            service_in_flight_max: 16,
            write_bytes_in_flight_max: 256 * 1_024 * 1_024,
            write_bytes_max: 32 * 1_024 * 1_024,
            load_retry_secs_max: 5,
        }
    }
}
