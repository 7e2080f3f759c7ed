-- The projection: what readers see, made from signed records. It can be thrown away and made again.
-- Texts are compared by their bytes, so that every server sorts alike.

-- How far each chain is projected.
CREATE TABLE cursors (
    agent      TEXT COLLATE "C" PRIMARY KEY,
    seq        BIGINT NOT NULL,
    hash       TEXT NOT NULL,
    at_us      BIGINT NOT NULL,
    is_closed  BOOLEAN NOT NULL
);

-- The newest version of each item; its first action's hash is its id.
CREATE TABLE items (
    id             TEXT COLLATE "C" PRIMARY KEY,
    kind           TEXT COLLATE "C" NOT NULL,
    author         TEXT COLLATE "C" NOT NULL,
    seq            BIGINT NOT NULL,
    action         TEXT NOT NULL,
    reach          SMALLINT NOT NULL CHECK (reach BETWEEN 0 AND 7),
    title          TEXT NOT NULL,
    slug           TEXT COLLATE "C" NOT NULL,
    course         TEXT COLLATE "C" NOT NULL,
    summary        TEXT NOT NULL,
    language       TEXT NOT NULL,
    licence        TEXT NOT NULL,
    tags           JSONB NOT NULL,
    created_at_us  BIGINT NOT NULL,
    changed_at_us  BIGINT NOT NULL,
    is_withdrawn   BOOLEAN NOT NULL
);
CREATE INDEX items_by_kind ON items (kind, changed_at_us DESC, id DESC) WHERE NOT is_withdrawn;
CREATE INDEX items_by_course ON items (kind, course, changed_at_us DESC, id DESC) WHERE NOT is_withdrawn;
CREATE INDEX items_by_author ON items (author, kind, changed_at_us DESC, id DESC) WHERE NOT is_withdrawn;
CREATE INDEX items_by_place ON items (kind, course, slug, created_at_us, id) WHERE NOT is_withdrawn;

-- Every projected record as it was signed; entries that are private to their author are not here.
CREATE TABLE records (
    agent      TEXT COLLATE "C" NOT NULL,
    seq        BIGINT NOT NULL,
    hash       TEXT NOT NULL,
    action     BYTEA NOT NULL,
    signature  BYTEA NOT NULL,
    entry      BYTEA,
    PRIMARY KEY (agent, seq)
);

-- Every version of each item; the record is its author's at the same sequence number.
CREATE TABLE versions (
    item    TEXT COLLATE "C" NOT NULL,
    seq     BIGINT NOT NULL,
    change  TEXT NOT NULL CHECK (change IN ('create', 'update', 'delete')),
    hash    TEXT NOT NULL,
    at_us   BIGINT NOT NULL,
    PRIMARY KEY (item, seq)
);

-- Which blobs hold the bodies of versions that are too long for an entry.
CREATE TABLE bodies (
    hash   TEXT COLLATE "C" NOT NULL,
    item   TEXT COLLATE "C" NOT NULL,
    seq    BIGINT NOT NULL,
    reach  SMALLINT NOT NULL CHECK (reach BETWEEN 0 AND 7),
    PRIMARY KEY (hash, item, seq)
);

-- Who used which address; smaller numbers came first.
CREATE TABLE addresses (
    kind    TEXT COLLATE "C" NOT NULL,
    course  TEXT COLLATE "C" NOT NULL,
    slug    TEXT COLLATE "C" NOT NULL,
    agent   TEXT COLLATE "C" NOT NULL,
    number  BIGINT NOT NULL,
    PRIMARY KEY (kind, course, slug, agent)
);

-- Records that were not projected, by reason.
CREATE TABLE skips (
    reason  TEXT COLLATE "C" PRIMARY KEY,
    count   BIGINT NOT NULL
);

-- Words of pages and courses. The vector comes from the doorway, so that the server's language settings do not matter.
CREATE TABLE words (
    item    TEXT COLLATE "C" PRIMARY KEY,
    body    TEXT NOT NULL,
    vector  TSVECTOR NOT NULL
);
CREATE INDEX words_by_vector ON words USING gin (vector);

-- One row: which log of events this is. The number tells it from the log of an earlier projection.
-- Nobody changes it; whoever writes locks this table first, so that writers come one after the other.
CREATE TABLE log (
    number  SMALLINT PRIMARY KEY CHECK (number = 1),
    id      BIGINT NOT NULL
);
INSERT INTO log (number, id)
VALUES (1, ('x' || left(replace(gen_random_uuid()::text, '-', ''), 16))::bit(64)::bigint);

-- What became known, in the order in which it was stored, numbered without gaps.
CREATE TABLE events (
    number   BIGINT PRIMARY KEY,
    at_us    BIGINT NOT NULL,
    agent    TEXT NOT NULL,
    seq      BIGINT NOT NULL,
    head     TEXT NOT NULL,
    changes  JSONB NOT NULL
);

-- One row: which community this is, for copies.
CREATE TABLE community (
    number        SMALLINT PRIMARY KEY CHECK (number = 1),
    name          TEXT NOT NULL,
    network_seed  TEXT NOT NULL,
    origin        TEXT NOT NULL
);

-- One row: who may write. Every write names the epoch that it was granted.
CREATE TABLE lease (
    number    SMALLINT PRIMARY KEY CHECK (number = 1),
    holder    TEXT,
    epoch     BIGINT NOT NULL,
    until_us  BIGINT NOT NULL,
    ttl_us    BIGINT NOT NULL
);
