-- Amounts are minor units; instants are microseconds since 1970 (UTC); days are yyyymmdd; currencies are their three
-- letters packed into an integer. Documents (catalogue lines, policies, overrides, strategies) are kept by hash, once.
CREATE TABLE skus (id INTEGER PRIMARY KEY, sku TEXT NOT NULL UNIQUE) STRICT;

CREATE TABLE documents (
    id INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE products (
    sku INTEGER PRIMARY KEY REFERENCES skus,
    rev INTEGER NOT NULL,
    document INTEGER NOT NULL REFERENCES documents
) STRICT;

CREATE TABLE inventory (
    sku INTEGER PRIMARY KEY REFERENCES skus,
    on_hand INTEGER NOT NULL,
    stock_version INTEGER NOT NULL,
    full_on_hand INTEGER NOT NULL,
    full_at INTEGER NOT NULL,
    origin TEXT NOT NULL,
    source_seq INTEGER NOT NULL,
    fingerprint INTEGER NOT NULL,
    occurred_at INTEGER NOT NULL,
    committed_at INTEGER NOT NULL,
    -- Units, since the record began.
    sold INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE overrides (sku INTEGER PRIMARY KEY REFERENCES skus, document INTEGER NOT NULL REFERENCES documents) STRICT;

CREATE TABLE prices (
    sku INTEGER PRIMARY KEY REFERENCES skus,
    record_rev INTEGER NOT NULL,
    price_version INTEGER NOT NULL,
    -- What stands: all null when there is no price.
    currency INTEGER, price INTEGER, since INTEGER, step_from INTEGER, step_since INTEGER, day INTEGER, changes INTEGER,
    list_currency INTEGER, list_price INTEGER,
    -- What the decision saw.
    stock_version INTEGER NOT NULL,
    product INTEGER NOT NULL REFERENCES documents,
    policy INTEGER REFERENCES documents,
    mode INTEGER NOT NULL,
    override INTEGER REFERENCES documents,
    settings_rev INTEGER NOT NULL,
    decided_at INTEGER NOT NULL,
    cause INTEGER NOT NULL,
    shadow_price INTEGER,
    refusal TEXT,
    next_due INTEGER,
    stock_committed_at INTEGER,
    withdrawn_at INTEGER,
    -- The newest of its history.
    newest INTEGER NOT NULL,
    -- What a guest pays, and the hash of what the rule set says of the SKU.
    lane INTEGER,
    promotions BLOB,
    -- What was learned of demand.
    belief TEXT,
    -- What a rollout counts: JSON.
    trial TEXT
) STRICT;
CREATE INDEX prices_due ON prices (next_due) WHERE next_due IS NOT NULL;

-- Append-only: one row a decision. The rows of a SKU are chained by `earlier`, so that writing one touches no other page.
CREATE TABLE history (
    id INTEGER PRIMARY KEY,
    earlier INTEGER,
    sku INTEGER NOT NULL,
    record_rev INTEGER NOT NULL,
    price_version INTEGER NOT NULL,
    decided_at INTEGER NOT NULL,
    cause INTEGER NOT NULL,
    -- What stood before.
    was_currency INTEGER, was_price INTEGER, was_since INTEGER, was_step_from INTEGER, was_step_since INTEGER,
    was_day INTEGER, was_changes INTEGER,
    -- What the decision saw.
    on_hand INTEGER, stock_version INTEGER, full_on_hand INTEGER, full_at INTEGER,
    product_rev INTEGER NOT NULL,
    product INTEGER NOT NULL,
    policy INTEGER,
    policy_error TEXT,
    mode INTEGER NOT NULL,
    override INTEGER,
    settings_rev INTEGER NOT NULL,
    -- What stood afterwards.
    currency INTEGER, price INTEGER, since INTEGER, step_from INTEGER, step_since INTEGER, day INTEGER, changes INTEGER,
    shadow_price INTEGER,
    refusal TEXT,
    next_due INTEGER,
    -- What a guest paid, before and afterwards; under which rule set (-1: one that could not be read), without
    -- what of it.
    lane INTEGER, was_lane INTEGER, rule_set INTEGER, left_out INTEGER,
    -- More of the stock that the decision saw, what had been learned of demand, and what a rollout had counted.
    sold INTEGER, changed_at INTEGER, was_belief TEXT, was_trial TEXT
) STRICT;

CREATE TABLE alert_states (
    sku INTEGER PRIMARY KEY REFERENCES skus,
    rev INTEGER NOT NULL,
    episode INTEGER NOT NULL,
    low INTEGER NOT NULL,
    -- The crossing still to be told: all null when there is none.
    crossed_on_hand INTEGER, crossed_version INTEGER, crossed_at INTEGER,
    stock_version INTEGER NOT NULL
) STRICT;

CREATE TABLE alerts (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL) STRICT;

-- Append-only: the row with the highest rev is in force, the others are the audit.
CREATE TABLE settings (
    rev INTEGER PRIMARY KEY,
    mode TEXT NOT NULL,
    mode_by TEXT NOT NULL,
    mode_note TEXT NOT NULL,
    mode_at INTEGER NOT NULL,
    strategies INTEGER NOT NULL REFERENCES documents,
    strategies_by TEXT NOT NULL,
    rule_set INTEGER,
    -- The switch of promotions with its audit, and what is left out: JSON.
    promotions TEXT NOT NULL DEFAULT '{}',
    strategies_note TEXT NOT NULL DEFAULT '',
    strategies_at INTEGER NOT NULL DEFAULT 0,
    -- Strategies on trial, and how far they are: JSON.
    candidate INTEGER,
    rollout TEXT
) STRICT;

-- Messages published and not yet handled, a row a queue.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY,
    queue TEXT NOT NULL,
    body TEXT NOT NULL,
    receive_count INTEGER NOT NULL
) STRICT;

-- What no retry helps: poison with its reason, messages delivered too often, stock changes refused.
CREATE TABLE dead_letters (
    id INTEGER PRIMARY KEY,
    queue TEXT NOT NULL,
    body BLOB NOT NULL,
    reason TEXT NOT NULL,
    receive_count INTEGER NOT NULL,
    at INTEGER NOT NULL
) STRICT;
