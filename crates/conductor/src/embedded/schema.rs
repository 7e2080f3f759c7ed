//! The tables of the embedded engine. Released steps are never edited.
//!
//! Signed and unsigned actions are kept apart: `records` holds what is signed and verified, `staged` what waits for its
//! signature. An entry is written once, when its action is staged or taken, so that a large body is not written twice.

use db::Migration;

/// All steps, in order.
pub(super) const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "cells, records, entries, staged actions, nonces",
    sql: "
CREATE TABLE cells (
    dna BLOB NOT NULL CHECK (length(dna) = 39),
    agent BLOB NOT NULL CHECK (length(agent) = 39),
    app TEXT NOT NULL UNIQUE,
    is_enabled INTEGER NOT NULL CHECK (is_enabled IN (0, 1)),
    bytes INTEGER NOT NULL CHECK (bytes >= 0),
    PRIMARY KEY (dna, agent)
) STRICT, WITHOUT ROWID;

CREATE TABLE records (
    dna BLOB NOT NULL,
    agent BLOB NOT NULL,
    seq INTEGER NOT NULL CHECK (seq BETWEEN 0 AND 4294967295),
    action BLOB NOT NULL,
    action_hash BLOB NOT NULL UNIQUE CHECK (length(action_hash) = 39),
    signature BLOB NOT NULL CHECK (length(signature) = 64),
    entry_hash BLOB CHECK (entry_hash IS NULL OR length(entry_hash) = 39),
    PRIMARY KEY (dna, agent, seq),
    FOREIGN KEY (dna, agent) REFERENCES cells (dna, agent)
) STRICT, WITHOUT ROWID;

CREATE TABLE staged (
    dna BLOB NOT NULL,
    agent BLOB NOT NULL,
    seq INTEGER NOT NULL CHECK (seq BETWEEN 0 AND 4294967295),
    action BLOB NOT NULL,
    PRIMARY KEY (dna, agent, seq),
    FOREIGN KEY (dna, agent) REFERENCES cells (dna, agent)
) STRICT, WITHOUT ROWID;

CREATE TABLE entries (
    dna BLOB NOT NULL,
    agent BLOB NOT NULL,
    seq INTEGER NOT NULL CHECK (seq BETWEEN 0 AND 4294967295),
    entry BLOB NOT NULL,
    PRIMARY KEY (dna, agent, seq),
    FOREIGN KEY (dna, agent) REFERENCES cells (dna, agent)
) STRICT, WITHOUT ROWID;

CREATE TABLE nonces (
    agent BLOB NOT NULL CHECK (length(agent) = 39),
    nonce BLOB NOT NULL CHECK (length(nonce) = 32),
    expires INTEGER NOT NULL,
    PRIMARY KEY (agent, nonce)
) STRICT, WITHOUT ROWID;
CREATE INDEX nonces_by_expiry ON nonces (expires);
",
}];
