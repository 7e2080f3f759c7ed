-- The index of words keeps no copy of the texts: they are in the records already, and here where a blob holds them.
CREATE TABLE texts (
    number  INTEGER PRIMARY KEY REFERENCES items (number),
    body    TEXT NOT NULL
) STRICT;
INSERT INTO texts (number, body)
    SELECT items.number, words.body
    FROM items
    JOIN bodies ON bodies.item = items.id AND bodies.seq = items.seq
    JOIN words ON words.rowid = items.number;

-- The row id is the item's number.
CREATE VIRTUAL TABLE terms USING fts5 (
    title, summary, body,
    content = '', contentless_delete = 1,
    tokenize = "unicode61 remove_diacritics 2"
);
-- Bytes of words that are collected in memory before they go into the index; SQLite's own number is 1 MiB.
INSERT INTO terms (terms, rank) VALUES ('hashsize', 16777216);
INSERT INTO terms (rowid, title, summary, body) SELECT rowid, title, summary, body FROM words;
DROP TABLE words;
