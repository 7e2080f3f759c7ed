-- Chains, claims, events and the lease come into the projection, so that a copy needs nothing else.
-- What was projected before is made again from the chains.
DELETE FROM cursors;
DELETE FROM words;
DELETE FROM skips;
DROP TABLE versions;
DELETE FROM items;

-- Every projected record as it was signed; entries that are private to their author are not here.
CREATE TABLE records (
    number     INTEGER PRIMARY KEY,
    agent      TEXT NOT NULL,
    seq        INTEGER NOT NULL,
    hash       TEXT NOT NULL,
    action     BLOB NOT NULL,
    signature  BLOB NOT NULL,
    entry      BLOB,
    UNIQUE (agent, seq)
) STRICT;

-- Every version of each item; the record is its author's at the same sequence number.
CREATE TABLE versions (
    item    TEXT NOT NULL REFERENCES items (id),
    seq     INTEGER NOT NULL,
    change  TEXT NOT NULL CHECK (change IN ('create', 'update', 'delete')),
    hash    TEXT NOT NULL,
    at_us   INTEGER NOT NULL,
    PRIMARY KEY (item, seq)
) STRICT, WITHOUT ROWID;

-- Which blobs hold the bodies of versions that are too long for an entry.
CREATE TABLE bodies (
    hash   TEXT NOT NULL,
    item   TEXT NOT NULL REFERENCES items (id),
    seq    INTEGER NOT NULL,
    reach  INTEGER NOT NULL CHECK (reach BETWEEN 0 AND 7),
    PRIMARY KEY (hash, item, seq)
) STRICT, WITHOUT ROWID;

-- Who used which address; smaller numbers came first.
CREATE TABLE addresses (
    kind    TEXT NOT NULL,
    course  TEXT NOT NULL,
    slug    TEXT NOT NULL,
    agent   TEXT NOT NULL,
    number  INTEGER NOT NULL,
    PRIMARY KEY (kind, course, slug, agent)
) STRICT, WITHOUT ROWID;

-- One row: which log of events this is. The number tells it from the log of an earlier projection.
CREATE TABLE log (
    number  INTEGER PRIMARY KEY CHECK (number = 1),
    id      INTEGER NOT NULL
) STRICT;
INSERT INTO log (number, id) VALUES (1, random());

-- What became known, in the order in which it was stored, numbered without gaps.
CREATE TABLE events (
    number   INTEGER PRIMARY KEY,
    at_us    INTEGER NOT NULL,
    agent    TEXT NOT NULL,
    seq      INTEGER NOT NULL,
    head     TEXT NOT NULL,
    changes  TEXT NOT NULL
) STRICT;

-- One row: which community this is, for copies.
CREATE TABLE community (
    number        INTEGER PRIMARY KEY CHECK (number = 1),
    name          TEXT NOT NULL,
    network_seed  TEXT NOT NULL,
    origin        TEXT NOT NULL
) STRICT;

-- One row: who may write. Every write names the epoch that it was granted.
CREATE TABLE lease (
    number    INTEGER PRIMARY KEY CHECK (number = 1),
    holder    TEXT,
    epoch     INTEGER NOT NULL,
    until_us  INTEGER NOT NULL,
    ttl_us    INTEGER NOT NULL
) STRICT;
