-- The projection: what readers see, made from signed records. It can be thrown away and made again.

-- How far each chain is projected.
CREATE TABLE cursors (
    agent      TEXT PRIMARY KEY,
    seq        INTEGER NOT NULL,
    hash       TEXT NOT NULL,
    at_us      INTEGER NOT NULL,
    is_closed  INTEGER NOT NULL CHECK (is_closed IN (0, 1))
) STRICT;

-- The newest version of each item; its first action's hash is its id.
CREATE TABLE items (
    number         INTEGER PRIMARY KEY,
    id             TEXT NOT NULL UNIQUE,
    kind           TEXT NOT NULL,
    author         TEXT NOT NULL,
    seq            INTEGER NOT NULL,
    action         TEXT NOT NULL,
    reach          INTEGER NOT NULL CHECK (reach BETWEEN 0 AND 7),
    title          TEXT NOT NULL,
    slug           TEXT NOT NULL,
    course         TEXT NOT NULL,
    summary        TEXT NOT NULL,
    language       TEXT NOT NULL,
    licence        TEXT NOT NULL,
    tags           TEXT NOT NULL,
    created_at_us  INTEGER NOT NULL,
    changed_at_us  INTEGER NOT NULL,
    is_withdrawn   INTEGER NOT NULL CHECK (is_withdrawn IN (0, 1))
) STRICT;
CREATE INDEX items_by_kind ON items (kind, is_withdrawn, changed_at_us DESC, id DESC);
CREATE INDEX items_by_author ON items (author, kind, changed_at_us DESC, id DESC);
CREATE INDEX items_by_place ON items (kind, course, slug, created_at_us, id);

-- Every version of each item, with the record that was signed.
CREATE TABLE versions (
    item       TEXT NOT NULL REFERENCES items (id),
    seq        INTEGER NOT NULL,
    change     TEXT NOT NULL CHECK (change IN ('create', 'update', 'delete')),
    hash       TEXT NOT NULL,
    at_us      INTEGER NOT NULL,
    action     BLOB,
    signature  BLOB,
    entry      BLOB,
    PRIMARY KEY (item, seq)
) STRICT, WITHOUT ROWID;

-- Records that were not projected, by reason.
CREATE TABLE skips (
    reason  TEXT PRIMARY KEY,
    count   INTEGER NOT NULL
) STRICT;

-- Words of pages and courses; the row id is the item's number.
CREATE VIRTUAL TABLE words USING fts5 (
    title, summary, body,
    tokenize = "unicode61 remove_diacritics 2"
);
