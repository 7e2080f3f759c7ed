-- Versions are kept by the number of their item: what a copy takes in one go is added at one end of the table.
CREATE TABLE numbered (
    item    INTEGER NOT NULL REFERENCES items (number),
    seq     INTEGER NOT NULL,
    change  TEXT NOT NULL CHECK (change IN ('create', 'update', 'delete')),
    hash    TEXT NOT NULL,
    at_us   INTEGER NOT NULL,
    PRIMARY KEY (item, seq)
) STRICT, WITHOUT ROWID;
INSERT INTO numbered (item, seq, change, hash, at_us)
    SELECT items.number, versions.seq, versions.change, versions.hash, versions.at_us
    FROM versions JOIN items ON items.id = versions.item;
DROP TABLE versions;
ALTER TABLE numbered RENAME TO versions;

-- Numbers of the items whose newest words are not in the index yet, because they came with many others.
CREATE TABLE unindexed (
    number  INTEGER PRIMARY KEY
) STRICT;
