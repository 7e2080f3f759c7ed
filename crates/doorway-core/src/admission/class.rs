//! What sort of request it is, read off its method and path before anything else is known.

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// How the doorway is: `/health`, `/ready`, `/version`.
    Service,
    /// Something for people to look at, with its style sheets and pictures; and every address that is not known.
    Page,
    /// Something for programs to read: items, lists, pages of chains, descriptions of the interface.
    Read,
    /// A question that is looked up in the full text.
    Search,
    /// Signed records with their place in the chain, and the history of an item.
    Proof,
    /// The bytes of a blob.
    Blob,
    /// A stream of events, which stays open.
    Events,
    /// Records and blobs that are stored.
    Write,
    /// Challenges and tokens.
    Auth,
    /// What stewards do.
    Admin,
}

impl Class {
    /// All classes.
    pub const ALL: [Self; 10] = [
        Self::Service,
        Self::Page,
        Self::Read,
        Self::Search,
        Self::Proof,
        Self::Blob,
        Self::Events,
        Self::Write,
        Self::Auth,
        Self::Admin,
    ];

    /// Returns the class of a request by its method, in capital letters, and its path with the query if there is one.
    ///
    /// What would change something at an address that is not known counts as a write.
    #[must_use]
    pub fn of(method: &str, target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut segments = path.trim_start_matches('/').split('/');
        let first = segments.next().unwrap_or_default();
        let rest = (segments.next(), segments.next());
        let is_read = matches!(method, "GET" | "HEAD" | "OPTIONS");
        match (first, rest) {
            ("health" | "ready" | "version", (None, _)) => Self::Service,
            ("admin", _) => Self::Admin,
            ("auth", _) => Self::Auth,
            _ if !is_read => Self::Write,
            ("api", (Some("v1"), Some("events"))) => Self::Events,
            ("api", (Some("v1"), Some("search"))) | ("search", (None, _)) => Self::Search,
            ("api", _) if asks_for_proof(query) => Self::Proof,
            ("proofs" | "history", (Some(_), _)) => Self::Proof,
            ("store", (Some(_), None)) => Self::Blob,
            ("blobs", (None | Some("tags" | "usage" | "queue"), _)) => Self::Read,
            // What is known of a blob may come as a stream, at the pace of its reader.
            ("blobs", _) => Self::Blob,
            ("api" | "store" | "db" | ".well-known", _) | ("openapi.json", (None, _)) => Self::Read,
            _ => Self::Page,
        }
    }

    /// Returns what a request costs its address, in tokens.
    #[must_use]
    pub const fn cost(self) -> u32 {
        match self {
            Self::Service => 0,
            Self::Page | Self::Read | Self::Blob => 1,
            Self::Proof | Self::Write | Self::Admin => 2,
            Self::Search | Self::Events | Self::Auth => 5,
        }
    }

    /// Tells whether a request counts as under way until its answer has ended.
    ///
    /// Blobs stream at the pace of their reader: connections and deadlines bound them, and many slow readers would
    /// otherwise keep everybody else out. Whether there is room is asked for them all the same.
    #[must_use]
    pub const fn holds_place(self) -> bool {
        match self {
            Self::Blob => false,
            Self::Service
            | Self::Page
            | Self::Read
            | Self::Search
            | Self::Proof
            | Self::Events
            | Self::Write
            | Self::Auth
            | Self::Admin => true,
        }
    }

    /// Returns the word used as a label of counters.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Page => "page",
            Self::Read => "read",
            Self::Search => "search",
            Self::Proof => "proof",
            Self::Blob => "blob",
            Self::Events => "events",
            Self::Write => "write",
            Self::Auth => "auth",
            Self::Admin => "admin",
        }
    }
}

fn asks_for_proof(query: &str) -> bool {
    query
        .split('&')
        .any(|pair| matches!(pair, "proof=1" | "proof=true"))
}
