-- What orders take of limited promotions. A reservation is held (0), committed (1), released (2) or expired (3); one that is
-- held and past `expires_at` holds nothing, whether it was swept or not.
CREATE TABLE reservations (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    content BLOB NOT NULL,
    customer TEXT,
    on_cancel INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    standing INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;
CREATE INDEX reservations_held ON reservations (expires_at) WHERE standing = 0;
CREATE INDEX reservations_ended ON reservations (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE reservation_uses (
    reservation INTEGER NOT NULL REFERENCES reservations,
    promotion TEXT NOT NULL,
    units INTEGER NOT NULL,
    given INTEGER NOT NULL,
    currency INTEGER NOT NULL,
    -- The one code that it uses.
    coupon TEXT,
    PRIMARY KEY (reservation, promotion)
) STRICT, WITHOUT ROWID;

-- Sums of what is held or committed: of everybody (0), of a customer (1), of a code (2), and of money in a currency (3).
CREATE TABLE usage_counts (
    promotion TEXT NOT NULL,
    kind INTEGER NOT NULL,
    name TEXT NOT NULL,
    uses INTEGER NOT NULL,
    units INTEGER NOT NULL,
    given INTEGER NOT NULL,
    PRIMARY KEY (promotion, kind, name)
) STRICT, WITHOUT ROWID;

-- Orders placed: each redeemed one quote, and no other did.
CREATE TABLE orders (
    id TEXT NOT NULL PRIMARY KEY,
    quote TEXT NOT NULL UNIQUE,
    payable INTEGER NOT NULL,
    currency INTEGER NOT NULL,
    placed_at INTEGER NOT NULL,
    cancelled_at INTEGER,
    claims TEXT NOT NULL
) STRICT;
