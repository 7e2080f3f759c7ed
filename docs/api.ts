// The wire types of Commonhold's interfaces. Made from the Rust structs by `cargo xtask generate`; do not edit.

export type AckView = { 
/**
 * `accepted`, `durable` or `verified`.
 */
tier: string, 
/**
 * When it was accepted, in microseconds since 1970.
 */
at_us: number, 
/**
 * Number of the record of this node's log that says so.
 */
lsn: number, };

export type BlobLeasePut = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * For how long, in seconds from now; 0 ends the lease.
 */
secs: number, 
/**
 * For whom or what it is kept, at most 1,024 bytes; a lease of the same holder is replaced. `lease` when it is left out.
 */
holder: string, };

export type BlobLeaseView = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * The blob.
 */
hash: string, 
/**
 * For whom or what it is kept.
 */
holder: string, 
/**
 * Until when, in microseconds since 1970.
 */
until_us: number, };

export type BlobLine = { 
/**
 * SHA-256 of its bytes, in hex.
 */
hash: string, 
/**
 * Its length.
 */
bytes: number, 
/**
 * `accepted`, `durable` or `verified`.
 */
tier: string, 
/**
 * When it was accepted, in microseconds since 1970.
 */
accepted_at_us: number, 
/**
 * Whether its bytes on disk were found to be wrong: it is not served until it is stored again.
 */
is_damaged?: boolean, };

export type BlobListView = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * The namespace that was listed.
 */
namespace: string, 
/**
 * How many blobs of the namespace are damaged. A list has them only when they are asked for.
 */
damaged_blobs: number, 
/**
 * The blobs of this page.
 */
items: Array<BlobLine>, 
/**
 * Pass it as `after` to get the next page; absent on the last.
 */
next: string | null, };

export type BlobPutView = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * SHA-256 of its bytes, in hex.
 */
hash: string, 
/**
 * Its length.
 */
bytes: number, 
/**
 * False when the namespace had it already.
 */
is_new: boolean, 
/**
 * How safe it is.
 */
ack: AckView, };

export type BlobStatusView = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * SHA-256 of its bytes, in hex.
 */
hash: string, 
/**
 * Its length.
 */
bytes: number, 
/**
 * Root of its BLAKE3 tree, in hex: with it, ranges can be checked on their own. Empty when the blob is damaged.
 */
blake3: string, 
/**
 * `accepted`, `durable` or `verified`.
 */
tier: string, 
/**
 * When it was accepted, in microseconds since 1970.
 */
accepted_at_us: number, 
/**
 * What shows that it has reached its tier.
 */
evidence: Array<EvidenceView>, 
/**
 * What is missing for the next tier; empty at the last one.
 */
waits_for: Array<string>, 
/**
 * The tags that name it.
 */
tags: Array<string>, 
/**
 * Until when it is kept even without a tag, in microseconds since 1970; absent without a lease.
 */
lease_until_us: number | null, 
/**
 * Who keeps it for so long.
 */
leases: Array<BlobLeaseView>, 
/**
 * Whether it lies in the trash: it is no longer served, and comes back when it is stored again or tagged.
 */
is_trashed: boolean, 
/**
 * Whether its bytes on disk were found to be wrong: it is not served until it is stored again.
 */
is_damaged: boolean, };

export type BlobView = { 
/**
 * SHA-256 of its bytes, in hex.
 */
hash: string, 
/**
 * Its length.
 */
bytes: number, 
/**
 * What it is.
 */
media_type: string, 
/**
 * What the author's file was called.
 */
name: string, 
/**
 * Width of an image in pixels; 0 when not known.
 */
width: number, 
/**
 * Height of an image in pixels; 0 when not known.
 */
height: number, };

export type ChainPut = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * The records, at most 500.
 */
records: Array<RecordView>, };

export type ChainPutView = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * How many records were new.
 */
accepted: number, 
/**
 * The newest record now.
 */
head: HeadView, };

export type ChainView = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * Whose chain it is.
 */
agent: string, 
/**
 * Which community's DNA it belongs to.
 */
dna_hash: string, 
/**
 * The newest record that the doorway knows; absent for a chain that has not begun.
 */
head: HeadView | null, 
/**
 * The records of this page, in order.
 */
records: Array<RecordView>, 
/**
 * When the author first used the addresses of the items in this page that the reader may see. Where several
 * authors used one, it belongs to the smallest number.
 */
claims: Array<ClaimView>, 
/**
 * Pass it as `after` to get the next page; absent on the last.
 */
next_after: number | null, };

export type ChallengeRequest = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * The agent key that will sign.
 */
agent: string, };

export type ChallengeView = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * Sign `commonhold statement`, a zero byte, and these characters.
 */
challenge: string, };

export type ChangedView = { 
/**
 * `content`, `path`, `blob-manifest` or `profile`.
 */
type: string, 
/**
 * Its id.
 */
id: string, 
/**
 * `put`, `withdrawn`, or `hidden` when it is no longer for everybody.
 */
change: string, 
/**
 * Slug of its course; empty for what stands alone.
 */
course: string, 
/**
 * Its own slug.
 */
slug: string, };

export type ClaimView = { 
/**
 * `content` or `path`.
 */
type: string, 
/**
 * Slug of the course; empty for what stands alone.
 */
course: string, 
/**
 * Its own slug.
 */
slug: string, 
/**
 * Smaller numbers came first.
 */
number: number, };

export type ClosedView = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * Why: `too-slow` or `shutting-down`.
 */
reason: string, };

export type CommunityView = { 
/**
 * Its name.
 */
name: string, 
/**
 * The hash of its DNA; every chain here belongs to it.
 */
dna_hash: string, 
/**
 * The network seed that gives it this hash.
 */
network_seed: string, 
/**
 * How people join who have no invite: `open`, `invite` for not at all, or `approval`.
 */
sign_up: string, };

export type ContentView = { 
/**
 * What it is called.
 */
title: string, 
/**
 * Its place in addresses.
 */
slug: string, 
/**
 * Slug of the course it belongs to; empty for none.
 */
course: string, 
/**
 * What it is about.
 */
summary: string, 
/**
 * The text, in Markdown.
 */
body: string, 
/**
 * The language it is written in.
 */
language: string, 
/**
 * Under which licence it may be used.
 */
licence: string, 
/**
 * Words that describe it.
 */
tags: Array<string>, 
/**
 * The blobs that the text refers to.
 */
blobs: Array<BlobView>, };

export type DbSchemaView = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * Version of the newest migration.
 */
migration: number, 
/**
 * `sqlite` or `postgres`.
 */
backend: string, 
/**
 * The tables and indexes.
 */
tables: Array<TableView>, };

export type EventView = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * Its number in the log; absent where the state of a chain is told without its history.
 */
number?: number | null, 
/**
 * When it was stored, in microseconds since 1970, by the doorway's clock.
 */
at_us: number, 
/**
 * Whose chain it is.
 */
agent: string, 
/**
 * The sequence number that is projected now.
 */
seq: number, 
/**
 * The hash of the action there.
 */
action_hash: string, 
/**
 * What changed for everybody; empty when nobody but a few can see a difference.
 */
changes: Array<ChangedView>, };

export type EvidenceView = { 
/**
 * The tier that it shows.
 */
tier: string, 
/**
 * Since when, in microseconds since 1970.
 */
at_us: number, 
/**
 * What it is: `log-record`.
 */
kind: string, 
/**
 * Where it is found; for a record of the log, its number.
 */
text: string, };

export type FollowView = { 
/**
 * The address of that doorway.
 */
url: string, 
/**
 * Whether it answers at the moment.
 */
is_connected: boolean, 
/**
 * Whether everything that it had at one moment has been copied.
 */
is_complete: boolean, 
/**
 * Records that it announced and that are not copied yet.
 */
lag_records: number, 
/**
 * When something was heard from it last, in microseconds since 1970; 0 for never.
 */
heard_at_us: number, 
/**
 * What is wrong, when something is.
 */
fault: string, };

export type GcNamespaceView = { 
/**
 * Which namespace.
 */
namespace: string, 
/**
 * Blobs that something refers to, or that are too new to be looked at.
 */
kept_blobs: number, 
/**
 * Blobs that went into the trash.
 */
trashed_blobs: number, 
/**
 * Their bytes.
 */
trashed_bytes: number, 
/**
 * Blobs that left the trash for good.
 */
removed_blobs: number, 
/**
 * Their bytes.
 */
removed_bytes: number, 
/**
 * Why it was left as it is; empty when it was collected.
 */
left_out: string, };

export type GcRequest = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * Tells what would be done, and does nothing.
 */
dry_run: boolean, 
/**
 * How long what is collected stays in the trash, in seconds; as configured when it is left out.
 */
trash_secs: number | null, 
/**
 * How long a blob is left alone after it was stored or touched, in seconds; as configured when it is left out.
 */
grace_secs: number | null, };

export type GcView = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * Whether nothing was done.
 */
is_dry_run: boolean, 
/**
 * Blobs that something refers to, or that are too new to be looked at.
 */
kept_blobs: number, 
/**
 * Blobs that went into the trash.
 */
trashed_blobs: number, 
/**
 * Their bytes.
 */
trashed_bytes: number, 
/**
 * Blobs that left the trash for good.
 */
removed_blobs: number, 
/**
 * Their bytes.
 */
removed_bytes: number, 
/**
 * How long it took, in milliseconds.
 */
took_ms: number, 
/**
 * The same for each namespace: all of the node, or the one that was named.
 */
namespaces: Array<GcNamespaceView>, };

export type HaveRequest = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * The hashes, in any form; at most 1,024.
 */
hashes: Array<string>, };

export type HaveView = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * Whether each is there.
 */
have: Array<boolean>, };

export type HeadView = { 
/**
 * Its sequence number, from 0.
 */
seq: number, 
/**
 * Its action hash.
 */
action_hash: string, };

export type HealthView = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * Always true when there is an answer.
 */
healthy: boolean, 
/**
 * `online`, `standby` while another process writes what this one was told to write, or `draining`.
 */
status: string, 
/**
 * Version of the program.
 */
version: string, 
/**
 * Seconds since it started.
 */
uptime_secs: number, 
/**
 * Whether this process writes the projection now.
 */
projection_writer: boolean, 
/**
 * Who holds the right to write the projection, as far as this process knows.
 */
lease?: LeaseView | null, 
/**
 * The bus that carries hints between processes: `memory`, `redis` or `nats`.
 */
bus: string, 
/**
 * Whether the bus answers; without it, changes are noticed a little later.
 */
bus_is_connected: boolean, };

export type InviteRequest = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * What those become who use it: `steward`, `moderator`, `editor` or `member`.
 */
role: string, 
/**
 * How many people it lets in: 1 to 500.
 */
uses: number, 
/**
 * How long it is good, in seconds: 1 to 7,776,000, which are 90 days.
 */
life_secs: number, 
/**
 * A few words for the list of invites: at most 64 characters.
 */
note: string, };

export type InviteView = { 
/**
 * Its name in the list; no secret.
 */
id: string, 
/**
 * What those become who use it.
 */
role: string, 
/**
 * The agent key of whoever made it.
 */
inviter: string, 
/**
 * A few words of theirs.
 */
note: string, 
/**
 * How many people it lets in.
 */
uses: number, 
/**
 * How many more.
 */
uses_left: number, 
/**
 * When it was made, in microseconds since 1970.
 */
made_at_us: number, 
/**
 * From when on it is no longer good, in microseconds since 1970.
 */
expires_at_us: number, 
/**
 * Whether it lets somebody in now.
 */
is_good: boolean, };

export type InvitesView = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * Newest first; those that are no longer good stay for a week.
 */
invites: Array<InviteView>, };

export type ItemView = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * The kind: `content`, `path`, `blob-manifest` or `profile`.
 */
type: string, 
/**
 * The item's id: the hash of its first action.
 */
id: string, 
/**
 * The hash of the action that made this version.
 */
action_hash: string, 
/**
 * Whose chain it stands in.
 */
author: string, 
/**
 * Where in that chain.
 */
seq: number, 
/**
 * When this version was signed, in microseconds since 1970.
 */
changed_at_us: number, 
/**
 * Who may see it.
 */
reach: string, 
/**
 * The content of a page.
 */
content?: ContentView | null, 
/**
 * The content of a course.
 */
path?: PathView | null, 
/**
 * What a blob is.
 */
blob?: BlobView | null, 
/**
 * Who an author is.
 */
profile?: ProfileView | null, 
/**
 * The signed records from which everything above follows.
 */
proof?: ProofView | null, };

export type LeaseView = { 
/**
 * The name of the process that holds it.
 */
holder: string, 
/**
 * Which grant it is; every write names it, and the store refuses all but the newest.
 */
epoch: number, };

export type ListView = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * The kind that was listed.
 */
type: string, 
/**
 * The items of this page.
 */
items: Array<Summary>, 
/**
 * Pass it as `cursor` to get the next page; absent on the last.
 */
next: string | null, };

export type LiveView = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * Number of the newest event so far.
 */
number: number, };

export type MemberPut = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * `steward`, `moderator`, `editor` or `member`.
 */
role: string, };

export type MemberView = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * The agent key.
 */
agent: string, 
/**
 * `steward`, `moderator`, `editor` or `member`.
 */
role: string, 
/**
 * When they were admitted, in microseconds since 1970.
 */
added_at_us: number, 
/**
 * The name of their profile; empty when they have none.
 */
name: string, 
/**
 * The agent key of whoever invited them; empty for those whom a steward admitted.
 */
inviter: string, };

export type MembersView = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * The members, in the order of their admission.
 */
members: Array<MemberView>, };

export type NewInviteView = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * Its name in the list.
 */
id: string, 
/**
 * The code; it is shown here and kept nowhere.
 */
code: string, 
/**
 * An address to hand on. The code stands behind `#`, where no server sees it.
 */
url: string, 
/**
 * From when on it is no longer good, in microseconds since 1970.
 */
expires_at_us: number, };

export type NodeView = { 
/**
 * What the contents list shows.
 */
title: string, 
/**
 * Id of the page; absent for a section.
 */
page: string | null, 
/**
 * What stands below it.
 */
children: Array<NodeView>, };

export type OutdatedView = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * Why: `other-log`, `outdated` when events after the cursor are no longer kept, or `ahead`.
 */
reason: string, };

export type PathView = { 
/**
 * What it is called.
 */
title: string, 
/**
 * Its place in addresses.
 */
slug: string, 
/**
 * What it is about.
 */
summary: string, 
/**
 * The language it is written in.
 */
language: string, 
/**
 * Under which licence it may be used.
 */
licence: string, 
/**
 * Where it comes from.
 */
attribution: string, 
/**
 * Words that describe it.
 */
tags: Array<string>, 
/**
 * The tree of its pages, in reading order.
 */
nodes: Array<NodeView>, };

export type ProblemView = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * The page about this fault, relative to the doorway.
 */
type: string, 
/**
 * What happened, in general.
 */
title: string, 
/**
 * The HTTP status.
 */
status: number, 
/**
 * What happened this time.
 */
detail: string, 
/**
 * The stable code, such as `CH-0105`.
 */
code: string, 
/**
 * Whose fault it is: `rejection`, `failure` or `bug`.
 */
kind: string, 
/**
 * What to do about it.
 */
hint: string, 
/**
 * Id of the request, to find it in the doorway's log.
 */
request_id: string, };

export type ProfileView = { 
/**
 * The name.
 */
name: string, 
/**
 * A few words about them.
 */
about: string, };

export type ProofView = { 
/**
 * The record of this version, with its entry.
 */
record: RecordView, 
/**
 * The record before it in the author's chain: its hash is what the record links to.
 */
previous: RecordView, 
/**
 * The item's first record, when this is not it.
 */
original?: RecordView | null, 
/**
 * The first record of the chain, which names the community's DNA.
 */
genesis: RecordView, 
/**
 * Base64 of the body when it is too long for an entry; its hash stands in the entry.
 */
spilled?: string | null, };

export type QueueView = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * How many there are in all.
 */
total: number, 
/**
 * Since when the oldest of them waits, in microseconds since 1970; absent when none does.
 */
oldest_us: number | null, 
/**
 * The blobs of this page.
 */
items: Array<QueuedView>, 
/**
 * Pass it as `after` to get the next page; absent on the last.
 */
next: string | null, };

export type QueuedView = { 
/**
 * SHA-256 of its bytes, in hex.
 */
hash: string, 
/**
 * Its length.
 */
bytes: number, 
/**
 * The tier that it has reached.
 */
tier: string, 
/**
 * When it was accepted, in microseconds since 1970.
 */
accepted_at_us: number, };

export type QuotaPut = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * How many bytes it may have; no bound when it is left out.
 */
bytes_max: number | null, };

export type ReadyView = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * True when every part below is.
 */
ready: boolean, 
/**
 * Whether the conductor answers; always true for a copy, which needs none.
 */
conductor: boolean, 
/**
 * Whether the projection store answers.
 */
projection: boolean, 
/**
 * Records that are committed and not projected yet.
 */
projection_lag_records: number, 
/**
 * Items that are shown and not found by their newest words yet: a copy indexes them when it has caught up.
 */
unindexed_items: number, 
/**
 * Chains that cannot be projected any further, each with the reason.
 */
stalled: Array<string>, 
/**
 * How it stands with the doorway that this one follows; absent where it follows none.
 */
follows?: FollowView | null, };

export type RecordView = { 
/**
 * The action: base64 of its canonical msgpack. Its BLAKE2b-256 is the core of the action hash.
 */
action: string, 
/**
 * Base64 of the author's Ed25519 signature over exactly the bytes of `action`.
 */
signature: string, 
/**
 * The entry: base64 of its canonical msgpack; absent when the action has none or it is withheld.
 */
entry?: string | null, 
/**
 * The action hash in its text form, for reading; checkers compute it themselves.
 */
action_hash: string, };

export type RegisterRequest = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * A challenge for this key, as it was given.
 */
challenge: string, 
/**
 * Base64 of the agent's Ed25519 signature over the statement.
 */
signature: string, 
/**
 * The code of an invite; empty without one.
 */
code: string, 
/**
 * How one wants to be called, for those who approve: at most 64 characters.
 */
name: string, };

export type RegisterView = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * The agent key.
 */
agent: string, 
/**
 * `member`, or `waiting` for a steward's approval.
 */
state: string, 
/**
 * What a member may do: `steward`, `moderator`, `editor` or `member`; empty for who waits.
 */
role: string, };

export type ScrubRequest = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * How many bytes may be read in a second; as configured when it is left out.
 */
bytes_per_sec: number | null, 
/**
 * Starts from the beginning instead of where the last one stopped.
 */
restart: boolean, };

export type ScrubView = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * Whether one runs now.
 */
is_running: boolean, 
/**
 * The blob that was checked last, in hex; empty at the beginning.
 */
position: string, 
/**
 * Blobs that this round has checked.
 */
checked_blobs: number, 
/**
 * Their bytes.
 */
checked_bytes: number, 
/**
 * Blobs that are damaged, in hex, whether this round found it or one before; they are out of the way and not served
 * until they are stored again. At most 1,000, once the round is over.
 */
damaged: Array<string>, 
/**
 * What this round found wrong and made again from what was sound, such as the list of a blob's groups or the record
 * of a tag.
 */
mended: Array<string>, 
/**
 * Places of the log that are damaged, needed, and could not be written again.
 */
faults: Array<string>, 
/**
 * When a round ended last, in microseconds since 1970; absent before the first has ended.
 */
ended_at_us: number | null, 
/**
 * Why the last one broke off; empty when it did not.
 */
fault: string, };

export type SearchHit = { 
/**
 * Words around the match; the matched words stand between U+0002 and U+0003.
 */
snippet: string, 
/**
 * The item's id: the hash of its first action.
 */
id: string, 
/**
 * The kind: `content`, `path`, `blob-manifest` or `profile`.
 */
type: string, 
/**
 * What it is called.
 */
title: string, 
/**
 * Its place in addresses; empty for kinds that have none.
 */
slug: string, 
/**
 * Slug of the course it belongs to; empty for none.
 */
course: string, 
/**
 * What it is about.
 */
summary: string, 
/**
 * The language it is written in.
 */
language: string, 
/**
 * Under which licence it may be used.
 */
licence: string, 
/**
 * Words that describe it.
 */
tags: Array<string>, 
/**
 * Who wrote it.
 */
author: string, 
/**
 * Who may see it.
 */
reach: string, 
/**
 * When this version was signed, in microseconds since 1970.
 */
changed_at_us: number, 
/**
 * The page for people, relative to the doorway; empty for kinds that have none.
 */
url: string, };

export type SearchView = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * What was searched for.
 */
query: string, 
/**
 * How many items match, counted up to 1,000.
 */
total: number, 
/**
 * The matches of this page.
 */
hits: Array<SearchHit>, 
/**
 * Pass it as `cursor` to get the next page; absent on the last.
 */
next: string | null, };

export type StorageHealthView = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * Always true when there is an answer.
 */
healthy: boolean, 
/**
 * `online`, `draining`, or `stopped` when the disk did not keep what it was given.
 */
status: string, 
/**
 * Version of the program.
 */
version: string, 
/**
 * Seconds since it started.
 */
uptime_secs: number, };

export type StoreUsageView = { 
/**
 * Blobs that are served, counted once however many namespaces have them.
 */
live_blobs: number, 
/**
 * Their bytes.
 */
live_bytes: number, 
/**
 * Bytes of blobs that left the trash for good and whose room is not given back yet.
 */
dead_bytes: number, 
/**
 * Blobs in the trash.
 */
trash_blobs: number, 
/**
 * Their bytes.
 */
trash_bytes: number, 
/**
 * Blobs whose bytes on disk were found to be wrong, and that were not stored again since.
 */
damaged_blobs: number, 
/**
 * The bytes that they had.
 */
damaged_bytes: number, 
/**
 * Bytes of the log's files, with the room that is made ready for what comes.
 */
log_bytes: number, 
/**
 * Bytes of the blobs that have a file of their own.
 */
large_bytes: number, 
/**
 * Blobs that have not reached the tier `durable`.
 */
queue_blobs: number, 
/**
 * Since when the oldest of them waits, in microseconds since 1970; absent when none does.
 */
queue_oldest_us: number | null, };

export type StoredBlobView = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * SHA-256 of its bytes, in hex.
 */
hash: string, 
/**
 * Its length.
 */
bytes: number, 
/**
 * False when the doorway had it already.
 */
is_new: boolean, };

export type Summary = { 
/**
 * The item's id: the hash of its first action.
 */
id: string, 
/**
 * The kind: `content`, `path`, `blob-manifest` or `profile`.
 */
type: string, 
/**
 * What it is called.
 */
title: string, 
/**
 * Its place in addresses; empty for kinds that have none.
 */
slug: string, 
/**
 * Slug of the course it belongs to; empty for none.
 */
course: string, 
/**
 * What it is about.
 */
summary: string, 
/**
 * The language it is written in.
 */
language: string, 
/**
 * Under which licence it may be used.
 */
licence: string, 
/**
 * Words that describe it.
 */
tags: Array<string>, 
/**
 * Who wrote it.
 */
author: string, 
/**
 * Who may see it.
 */
reach: string, 
/**
 * When this version was signed, in microseconds since 1970.
 */
changed_at_us: number, 
/**
 * The page for people, relative to the doorway; empty for kinds that have none.
 */
url: string, };

export type TableView = { 
/**
 * Its name.
 */
name: string, 
/**
 * The statement that made it.
 */
sql: string, };

export type TagListView = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * The namespace that was listed.
 */
namespace: string, 
/**
 * The tags of this page.
 */
items: Array<TagView>, 
/**
 * Pass it as `after` to get the next page; absent on the last.
 */
next: string | null, };

export type TagPut = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * The blob, by its hash in any form.
 */
hash: string, };

export type TagView = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * The name.
 */
name: string, 
/**
 * The blob that it names, in hex; when that is the manifest of a folder, the folder's files are kept with it.
 */
hash: string, 
/**
 * When it was set, in microseconds since 1970.
 */
set_at_us: number, };

export type TokenRequest = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * The challenge as it was given.
 */
challenge: string, 
/**
 * Base64 of the agent's Ed25519 signature over the statement.
 */
signature: string, };

export type TokenView = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * The token.
 */
token: string, 
/**
 * How long it is good for, in seconds.
 */
expires_secs: number, };

export type UsageView = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * The namespace.
 */
namespace: string, 
/**
 * Blobs that are served.
 */
live_blobs: number, 
/**
 * Their bytes.
 */
live_bytes: number, 
/**
 * Blobs in the trash.
 */
trash_blobs: number, 
/**
 * Their bytes.
 */
trash_bytes: number, 
/**
 * Blobs whose bytes on disk were found to be wrong: they are not served until they are stored again.
 */
damaged_blobs: number, 
/**
 * The bytes that they had.
 */
damaged_bytes: number, 
/**
 * Bytes of uploads that have begun and are not finished.
 */
upload_bytes: number, 
/**
 * How many bytes the namespace may have; absent where there is no bound.
 */
quota_bytes: number | null, 
/**
 * The store as a whole; for stewards.
 */
store?: StoreUsageView | null, };

export type VersionView = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * Version of the program.
 */
version: string, 
/**
 * Schema versions that it reads.
 */
supported_schema_versions: Array<number>, 
/**
 * The community.
 */
community: CommunityView, 
/**
 * Largest blob that it takes, in bytes.
 */
blob_bytes_max: number, 
/**
 * Most records in one `PUT` of a chain.
 */
chain_put_records_max: number, };

export type WaitingListView = { 
/**
 * Version of this view.
 */
schema_version: number, 
/**
 * Longest first.
 */
waiting: Array<WaitingView>, };

export type WaitingView = { 
/**
 * The agent key.
 */
agent: string, 
/**
 * How they want to be called, in their own words: nobody has checked it.
 */
name: string, 
/**
 * When they asked first, in microseconds since 1970.
 */
asked_at_us: number, };
