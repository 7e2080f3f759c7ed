//! Every fault that a person can meet, each with a stable number, a kind, a title and a hint.
//!
//! Numbers are never reused and never change their meaning. Each has a page `docs/errors/CH-<number>.md`.

use std::fmt;

/// Whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The request is wrong; the same request will be wrong again.
    Rejection,
    /// The world is wrong: a disk, a network, another process; trying again may help.
    Failure,
    /// Commonhold is wrong.
    Bug,
}

impl Kind {
    /// Returns the word used in interfaces.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rejection => "rejection",
            Self::Failure => "failure",
            Self::Bug => "bug",
        }
    }
}

/// What a code stands for.
struct Meaning {
    number: u16,
    name: &'static str,
    kind: Kind,
    status: u16,
    title: &'static str,
    hint: &'static str,
}

macro_rules! codes {
    ($($(#[$heading:meta])* $number:literal $name:ident $kind:ident $status:literal $title:literal $hint:literal;)*) => {
        /// A stable code of a fault, shown as `CH-0101`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $title] $name,)*
        }

        impl Code {
            /// All codes in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            const fn meaning(self) -> Meaning {
                match self {
                    $(Self::$name => Meaning {
                        number: $number,
                        name: stringify!($name),
                        kind: Kind::$kind,
                        status: $status,
                        title: $title,
                        hint: $hint,
                    },)*
                }
            }
        }
    };
}

codes! {
    // Requests.
    101 MalformedHash Rejection 400
        "the hash is malformed"
        "copy the whole hash; it is 64 hex digits, sha256-<hex>, or a text that starts with u";
    102 UnsatisfiableRange Rejection 416
        "the range lies outside of the blob"
        "ask for bytes below the length that Content-Range tells";
    103 MalformedCursor Rejection 400
        "the cursor is malformed"
        "start again without a cursor and use the one that each answer gives";
    104 MalformedQuery Rejection 400
        "a parameter of the address is malformed"
        "the detail names the parameter and what it may hold";
    105 NotFound Rejection 404
        "there is nothing here that you may see"
        "check the address; if it is not meant for everybody, sign in";
    106 UnsupportedSchema Rejection 400
        "this schema version is not supported"
        "send one of the versions in X-Supported-Schema-Versions, or update the older side";
    107 BodyTooLarge Rejection 413
        "the body is larger than allowed"
        "send it in smaller pieces; the detail tells the limit";
    108 BodyLength Rejection 400
        "the body is not as long as announced"
        "send it again; the connection may have broken";
    109 DigestMismatch Rejection 400
        "the body does not have the announced digest"
        "send it again; it was changed on the way or the digest is of another file";
    110 UnsupportedMedia Rejection 415
        "the body is of a kind that this route does not take"
        "the detail names the media type to send";
    111 MethodNotAllowed Rejection 405
        "this address does not take that method"
        "the Allow header tells which methods it takes";
    112 MalformedBody Rejection 400
        "the body cannot be read"
        "the detail tells what is wrong and where";
    113 RequestTimeout Rejection 408
        "the request took too long to arrive"
        "send it again on a better connection";
    114 MalformedRange Rejection 400
        "the range is malformed"
        "write bytes=first-last, bytes=first- or bytes=-length; several with commas";
    115 TooManyRequests Rejection 429
        "too many requests from this address"
        "wait as long as Retry-After says and try again";
    116 ReadOnlyCopy Rejection 421
        "this doorway is a copy and takes no changes"
        "send it to the doorway that writes; the message names it when it is known";
    // People and keys.
    201 TokenMissing Rejection 401
        "this needs a token"
        "get one with a signed challenge: POST /auth/challenge, then POST /auth/token";
    202 TokenInvalid Rejection 401
        "the token is not one of this doorway's"
        "get a new token from this doorway";
    203 TokenExpired Rejection 401
        "the token has expired"
        "get a new token; they live for ten minutes";
    204 TokenForeign Rejection 403
        "the token belongs to somebody else"
        "use the token of the key that owns this";
    205 NotAMember Rejection 401
        "this key is not on the community's list of members"
        "ask a steward to run: commonhold member add <your key>";
    206 ChallengeInvalid Rejection 401
        "the answer to the challenge is not valid"
        "ask for a new challenge and sign exactly its bytes with your key";
    207 StewardOnly Rejection 403
        "only a steward may do this"
        "ask a steward of this community";
    208 KeyFile Rejection 400
        "the key file cannot be used"
        "it must hold one key and be readable by you alone (chmod 600)";
    209 InviteInvalid Rejection 403
        "there is no invite that lets you in"
        "ask a steward for a new one: commonhold member invite";
    210 CommunityFull Rejection 403
        "there are as many as there may be"
        "ask a steward of this community";
    // Chains.
    301 BadSignature Rejection 422
        "the signature does not fit the record"
        "the record was changed or signed with another key; fetch or write it again";
    302 ChainGap Rejection 409
        "records are missing before this one"
        "send the chain from the sequence number that the answer names";
    303 ChainFork Rejection 409
        "the chain has two different records at one place"
        "one key was used in two places; stop writing with it and see the page of this code";
    304 ForeignAuthor Rejection 422
        "the record was written by another key than the chain's"
        "send each record to the chain of its own author";
    305 WrongDna Rejection 422
        "the chain belongs to another community"
        "publish with the network seed of this community; the detail names both";
    306 MalformedRecord Rejection 422
        "the record is not well-formed"
        "see the detail; the format is described in the protocol page on chains";
    307 EntryMismatch Rejection 422
        "the entry is not the one that was signed"
        "the entry was changed on the way or left out; fetch it again";
    308 BadGenesis Rejection 422
        "the chain does not start as it must"
        "a chain starts with Dna, AgentValidationPkg and the agent's key";
    309 TimestampOrder Rejection 422
        "the record is older than the one before it"
        "set the clock of the machine that signs";
    310 EntryTooLarge Rejection 413
        "the entry is larger than 64 KiB"
        "put long bodies into a blob; publish does this by itself";
    311 MalformedKind Rejection 422
        "the record's content does not follow the rules of its kind"
        "the detail names the field";
    312 ChainClosed Rejection 409
        "the chain was closed and takes no more records"
        "write with the key that the closing record names";
    313 ChainAhead Rejection 409
        "the doorway knows more of this chain than this machine"
        "run the command again; it fetches what is missing first";
    314 BodyMissing Rejection 409
        "the record's body is in a blob that is not here"
        "store the blob first, then send the record again; publish does this by itself";
    315 KeyLocked Rejection 423
        "the key is locked"
        "sign in again; a key is locked after a quarter of an hour without use";
    316 SignatureRefused Rejection 409
        "the vault does not sign this"
        "the detail tells why; what was signed before stands";
    317 HeadUnconfirmed Failure 503
        "the vault was restored and does not know what was signed last"
        "confirm the head of the chain: commonhold vault confirm";
    318 DoesNotUnlock Rejection 401
        "this does not unlock the key"
        "check the password or the code, or use another way to unlock it";
    // Storage.
    401 DiskFull Failure 507
        "the disk is full"
        "free space or move the data folder; nothing was half-written";
    402 StoreFailed Failure 500
        "the store could not do this"
        "see the log for the cause; nothing was acknowledged";
    403 BlobCorrupt Failure 500
        "the blob on disk is damaged"
        "restore it: publish it again from its source";
    404 FolderInUse Failure 503
        "another process uses this data folder"
        "stop the other process or choose another folder with --data";
    405 StoreNewer Failure 500
        "the data folder was written by a newer version"
        "update this Commonhold; older versions cannot read it";
    406 Unavailable Failure 503
        "the doorway cannot do this at the moment"
        "try again after the time in Retry-After";
    407 Overloaded Failure 503
        "the doorway has more to do than it can"
        "wait as long as Retry-After says and try again";
    408 NotTheWriter Failure 503
        "another process writes this projection"
        "see who holds the lease in /health, and run one writer only";
    409 DatabaseUnreachable Failure 503
        "the database cannot be reached"
        "check that PostgreSQL runs and that database_url is right; the doorway tries again by itself";
    // Publishing.
    501 NotUtf8 Rejection 400
        "the file is not UTF-8 text"
        "save it as UTF-8; the line tells where the first wrong byte is";
    502 FrontMatter Rejection 400
        "the front matter cannot be read"
        "it is YAML between two lines of three dashes; the line tells where";
    503 BrokenLink Rejection 400
        "a link leads nowhere"
        "correct the link or add the file; or publish with --allow-broken-links";
    504 OutsideFolder Rejection 400
        "a path leads out of the folder"
        "copy the file into the folder; publish never reads outside of it";
    505 EmptyFolder Rejection 400
        "there is nothing to publish here"
        "name a folder that holds Markdown files";
    506 CourseConfig Rejection 400
        "config.yaml cannot be used"
        "the line tells what is wrong";
    507 SlugTaken Rejection 400
        "two pages would have the same address"
        "rename one file or give one a slug in its front matter";
    508 FileTooLarge Rejection 400
        "the file is larger than allowed"
        "make it smaller; the detail tells the limit";
    509 SourceUnreadable Failure 400
        "the file cannot be read"
        "check that it exists and that you may read it";
    510 ActiveContent Rejection 400
        "the page holds something that browsers would run"
        "take it out; show code in a code block, and link to other sites with https";
    // Running a doorway.
    601 PortTaken Failure 500
        "the port is taken"
        "use the port that the message offers, or stop the program that it names";
    602 Config Rejection 400
        "the configuration cannot be used"
        "the detail names the key or the flag; unknown keys are errors";
    603 ServerUnreachable Failure 502
        "the doorway cannot be reached"
        "check the address and that it runs: commonhold up";
    604 ServerAnswer Failure 502
        "the doorway gave an answer that is not understood"
        "check that the address is a Commonhold doorway of the same age";
    605 ShuttingDown Failure 503
        "the doorway is shutting down"
        "try again in a moment";
    606 Tls Rejection 400
        "the certificate or its key cannot be used"
        "check tls.cert and tls.key; both are PEM files and belong together";
    607 BusUnreachable Failure 503
        "the bus cannot be reached"
        "check that the server of bus_url runs; the doorway goes on without hints meanwhile";
    // Verifying.
    701 NothingToVerify Rejection 400
        "there is nothing here that can be verified"
        "give the address of a page, of /api/v1/cache/…, /api/v1/chains/… or /store/…, or a saved proof";
    702 AnswerDiffers Rejection 422
        "what was served is not what the author signed"
        "do not trust this copy; fetch it from another doorway";
    703 HashDiffers Rejection 422
        "the bytes do not have the hash in their address"
        "do not trust this copy; fetch it from another doorway";
    704 PositionDiffers Rejection 422
        "the record is not at this place of its author's chain"
        "do not trust this copy; fetch it from another doorway";
    705 Outdated Rejection 422
        "the author has replaced or withdrawn this"
        "fetch the newest version";
    706 SourceForged Rejection 422
        "the doorway that is followed served something that does not prove itself"
        "ask who runs it, and follow another copy of the community until that is clear";
    // Keeping blobs.
    801 QuotaReached Rejection 507
        "the namespace has no room for this"
        "take tags off what is no longer needed, or ask a steward for more room";
    802 MalformedName Rejection 400
        "the name of a namespace or of a tag is malformed"
        "the detail tells which letters such a name may have";
    803 BlobInUse Rejection 409
        "something still refers to the blob"
        "take off the tags and end the leases that the detail names, and try again";
    804 UploadOffset Rejection 409
        "the upload goes on at another place"
        "ask with HEAD where it goes on, and send from there";
    805 UploadChecksum Rejection 460
        "the piece does not have the announced checksum"
        "send the piece again; what came before it is kept";
    806 UploadOver Rejection 410
        "the upload is over"
        "begin a new one; uploads that nobody goes on with are given up after a time";
    807 UploadBusy Rejection 423
        "somebody else sends to this upload at the moment"
        "wait until the other request has ended, and ask with HEAD where it goes on";
    808 UploadVersion Rejection 412
        "this version of the upload protocol is not spoken here"
        "send the header Tus-Resumable: 1.0.0";
    809 UploadsTooMany Rejection 429
        "too many uploads have begun and are not finished"
        "finish some of them or end them with DELETE";
    810 UploadHeader Rejection 400
        "a header of the upload is malformed"
        "the detail names the header and what it may hold";
    811 StoreStopped Failure 503
        "the store has stopped, because the disk did not keep what it was given"
        "check the disk, then start again; everything that was acknowledged before is there";
    812 ReadOnlyDisk Failure 503
        "the file system takes no changes"
        "mount it for writing again, or move the data folder";
    813 PlaceTaken Rejection 400
        "nothing can be written at this place"
        "name another place with -o; --force replaces a file that is different";
    814 WouldNotReturn Rejection 400
        "the folder holds something that would not come back"
        "leave such things out with --without-links, or put a copy of the file in the place of the link";
    815 NothingNamed Rejection 404
        "there is no such blob, tag or namespace"
        "see what there is with: commonhold blob tag ls; other namespaces need --namespace";
    // Faults of ours.
    901 Bug Bug 500
        "something went wrong inside Commonhold"
        "please report it with the request id";
}

impl Code {
    /// Returns the number, unique for ever.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.meaning().number
    }

    /// Returns the variant's name, for programs that prefer words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.meaning().name
    }

    /// Returns whose fault it is.
    #[must_use]
    pub const fn kind(self) -> Kind {
        self.meaning().kind
    }

    /// Returns the HTTP status (RFC 9110) that an interface answers with.
    #[must_use]
    pub const fn status(self) -> u16 {
        self.meaning().status
    }

    /// Returns what happened, in general: lower case, no full stop.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.meaning().title
    }

    /// Returns what to do about it: lower case, no full stop.
    #[must_use]
    pub const fn hint(self) -> &'static str {
        self.meaning().hint
    }

    /// Finds a code by the text that people copy from a message: `CH-0101`.
    #[must_use]
    pub fn find(text: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|code| code.to_string() == text)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "CH-{:04}", self.number())
    }
}

#[cfg(test)]
mod tests;
