//! The routes of the storage service, served on a port of its own and beside a doorway's.

use base::Code;

use super::{Body, LIMIT, Parameter, Route, get, send};

const NAMESPACE: Parameter = Parameter {
    name: "namespace",
    about: "whose blobs: the caller's own without it; stewards may name any",
};
const AFTER: Parameter = Parameter {
    name: "after",
    about: "the `next` of the page before",
};
const TAG: Parameter = Parameter {
    name: "tag",
    about: "a tag that is set on the blob in the same step",
};
const LEASE: Parameter = Parameter {
    name: "lease_secs",
    about: "for how many seconds the blob is kept even without a tag",
};

/// Faults of every route that needs a token.
macro_rules! codes {
    ($($code:ident),* $(,)?) => {
        &[
            Code::TokenMissing,
            Code::TokenInvalid,
            Code::TokenExpired,
            Code::NotAMember,
            Code::MalformedName,
            $(Code::$code,)*
        ]
    };
}

/// All routes of the storage service but those around tokens, which are a doorway's too.
pub const STORAGE_ROUTES: &[Route] = &[
    Route {
        status: 201,
        needs_token: true,
        query: &[NAMESPACE, TAG, LEASE],
        codes: codes![
            DigestMismatch,
            BodyLength,
            BodyTooLarge,
            RequestTimeout,
            QuotaReached,
            DiskFull,
            ReadOnlyDisk,
            StoreStopped,
        ],
        ..send(
            "PUT",
            "/blobs",
            "putBlob",
            "Stores a blob; the answer comes when it is on stable storage. Content-Digest and Repr-Digest are checked; 200 when it was there.",
            (Body::Bytes, Body::View("BlobPutView")),
        )
    },
    Route {
        status: 201,
        needs_token: true,
        query: &[NAMESPACE, TAG, LEASE],
        codes: codes![
            MalformedHash,
            DigestMismatch,
            BodyLength,
            BodyTooLarge,
            RequestTimeout,
            QuotaReached,
            DiskFull,
            ReadOnlyDisk,
            StoreStopped,
        ],
        ..send(
            "PUT",
            "/blobs/{hash}",
            "putBlobAs",
            "Stores the blob with this hash, and no other.",
            (Body::Bytes, Body::View("BlobPutView")),
        )
    },
    Route {
        needs_token: true,
        query: &[
            NAMESPACE,
            AFTER,
            LIMIT,
            Parameter {
                name: "prefix",
                about: "only hashes that begin with these hex digits",
            },
            Parameter {
                name: "damaged",
                about: "1 for the damaged blobs instead of those that are served",
            },
        ],
        codes: codes![MalformedCursor, MalformedQuery, NotFound],
        ..get(
            "/blobs",
            "listBlobs",
            "Lists the blobs of a namespace in the order of their hashes.",
            Body::View("BlobListView"),
        )
    },
    Route {
        needs_token: true,
        query: &[NAMESPACE],
        codes: codes![
            MalformedHash,
            NotFound,
            MalformedRange,
            UnsatisfiableRange,
            BlobCorrupt,
        ],
        ..get(
            "/blobs/{hash}",
            "getBlob",
            "Returns a blob, whole or in ranges (RFC 9110 §14).",
            Body::Bytes,
        )
    },
    Route {
        method: "HEAD",
        needs_token: true,
        query: &[NAMESPACE],
        codes: codes![MalformedHash, NotFound, BlobCorrupt],
        ..get(
            "/blobs/{hash}",
            "headStoredBlob",
            "Returns the headers of a blob.",
            Body::Empty,
        )
    },
    Route {
        status: 204,
        needs_token: true,
        query: &[NAMESPACE],
        codes: codes![MalformedHash, NotFound, BlobInUse],
        ..send(
            "DELETE",
            "/blobs/{hash}",
            "trashBlob",
            "Moves a blob into the trash, unless a tag or a lease refers to it.",
            (Body::Empty, Body::Empty),
        )
    },
    Route {
        needs_token: true,
        query: &[NAMESPACE],
        codes: codes![MalformedHash, NotFound],
        ..get(
            "/blobs/{hash}/status",
            "blobStatus",
            "Tells how safe a blob is and what refers to it; with Accept: text/event-stream an event `status` now and with each change.",
            Body::View("BlobStatusView"),
        )
    },
    Route {
        needs_token: true,
        query: &[NAMESPACE],
        codes: codes![MalformedHash, MalformedBody, NotFound],
        ..send(
            "PUT",
            "/blobs/{hash}/lease",
            "leaseBlob",
            "Keeps a blob for a while; 0 seconds end the lease.",
            (Body::View("BlobLeasePut"), Body::View("BlobLeaseView")),
        )
    },
    Route {
        needs_token: true,
        query: &[NAMESPACE],
        codes: codes![MalformedHash, MalformedBody, NotFound],
        ..send(
            "POST",
            "/blobs/have",
            "haveBlobs",
            "Tells which of up to 1,024 blobs are there; those that are will not be collected for a while.",
            (Body::View("HaveRequest"), Body::View("HaveView")),
        )
    },
    Route {
        needs_token: true,
        query: &[
            NAMESPACE,
            AFTER,
            LIMIT,
            Parameter {
                name: "prefix",
                about: "only names that begin with this",
            },
        ],
        codes: codes![MalformedCursor, MalformedQuery, NotFound],
        ..get(
            "/blobs/tags",
            "listTags",
            "Lists the tags of a namespace in the order of their names.",
            Body::View("TagListView"),
        )
    },
    Route {
        needs_token: true,
        query: &[NAMESPACE],
        codes: codes![NotFound],
        ..get(
            "/blobs/tags/{name}",
            "getTag",
            "Tells what a tag names; the name may hold slashes.",
            Body::View("TagView"),
        )
    },
    Route {
        needs_token: true,
        query: &[NAMESPACE],
        codes: codes![MalformedHash, MalformedBody, NotFound],
        ..send(
            "PUT",
            "/blobs/tags/{name}",
            "putTag",
            "Sets a tag; what it named before is let go.",
            (Body::View("TagPut"), Body::View("TagView")),
        )
    },
    Route {
        status: 204,
        needs_token: true,
        query: &[NAMESPACE],
        codes: codes![NotFound],
        ..send(
            "DELETE",
            "/blobs/tags/{name}",
            "removeTag",
            "Takes a tag off.",
            (Body::Empty, Body::Empty),
        )
    },
    Route {
        needs_token: true,
        query: &[NAMESPACE],
        codes: codes![NotFound],
        ..get(
            "/blobs/usage",
            "blobUsage",
            "Tells how much room a namespace takes and may take.",
            Body::View("UsageView"),
        )
    },
    Route {
        needs_token: true,
        query: &[NAMESPACE],
        codes: codes![StewardOnly, MalformedBody],
        ..send(
            "PUT",
            "/blobs/quota",
            "putQuota",
            "Bounds a namespace; for stewards.",
            (Body::View("QuotaPut"), Body::View("UsageView")),
        )
    },
    Route {
        needs_token: true,
        query: &[AFTER, LIMIT],
        codes: codes![StewardOnly, MalformedCursor],
        ..get(
            "/blobs/queue",
            "blobQueue",
            "Lists what is not durable yet, newest first; for stewards.",
            Body::View("QueueView"),
        )
    },
    Route {
        needs_token: true,
        query: &[NAMESPACE],
        codes: codes![StewardOnly, MalformedBody, NotFound, BlobInUse, Unavailable],
        ..send(
            "POST",
            "/blobs/gc",
            "collectBlobs",
            "Moves what nothing refers to into the trash and empties what lay there long enough, in all namespaces or in one; for stewards.",
            (Body::View("GcRequest"), Body::View("GcView")),
        )
    },
    Route {
        needs_token: true,
        codes: codes![StewardOnly],
        ..get(
            "/blobs/scrub",
            "scrubPosition",
            "Tells how far the scrub is; with Accept: text/event-stream an event `scrub` each second until it ends; for stewards.",
            Body::View("ScrubView"),
        )
    },
    Route {
        status: 202,
        needs_token: true,
        codes: codes![StewardOnly, MalformedBody],
        ..send(
            "POST",
            "/blobs/scrub",
            "startScrub",
            "Reads everything again and compares it with its hash, behind the answer; for stewards.",
            (Body::View("ScrubRequest"), Body::View("ScrubView")),
        )
    },
    Route {
        status: 204,
        needs_token: true,
        codes: codes![StewardOnly],
        ..send(
            "DELETE",
            "/blobs/scrub",
            "stopScrub",
            "Stops the scrub; the next one goes on from there. For stewards.",
            (Body::Empty, Body::Empty),
        )
    },
    Route {
        status: 204,
        ..send(
            "OPTIONS",
            "/blobs/uploads",
            "uploadOptions",
            "Tells what of tus 1.0 is spoken.",
            (Body::Empty, Body::Empty),
        )
    },
    Route {
        status: 201,
        needs_token: true,
        query: &[NAMESPACE],
        codes: codes![
            UploadVersion,
            UploadHeader,
            UploadsTooMany,
            BodyTooLarge,
            QuotaReached,
            DiskFull,
            UnsupportedMedia,
        ],
        ..send(
            "POST",
            "/blobs/uploads",
            "createUpload",
            "Begins an upload that can be resumed (tus 1.0); the Location header tells where it is.",
            (Body::Bytes, Body::Empty),
        )
    },
    Route {
        method: "HEAD",
        needs_token: true,
        codes: codes![UploadVersion, NotFound, UploadOver],
        ..get(
            "/blobs/uploads/{id}",
            "uploadOffset",
            "Tells in Upload-Offset where an upload goes on, and in X-Blob-Hash which blob it has become.",
            Body::Empty,
        )
    },
    Route {
        status: 204,
        needs_token: true,
        codes: codes![
            UploadVersion,
            UploadHeader,
            UploadOffset,
            UploadChecksum,
            UploadBusy,
            UploadOver,
            NotFound,
            UnsupportedMedia,
            BodyTooLarge,
            DigestMismatch,
            QuotaReached,
            DiskFull,
        ],
        ..send(
            "PATCH",
            "/blobs/uploads/{id}",
            "appendUpload",
            "Adds bytes to an upload; what was acknowledged is on stable storage.",
            (Body::Bytes, Body::Empty),
        )
    },
    Route {
        status: 204,
        needs_token: true,
        codes: codes![UploadVersion, NotFound, UploadOver],
        ..send(
            "DELETE",
            "/blobs/uploads/{id}",
            "endUpload",
            "Ends an upload and gives its room back.",
            (Body::Empty, Body::Empty),
        )
    },
];
