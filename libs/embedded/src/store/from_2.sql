-- Demand: units sold in the inventory, what was learned in each price record and its history.
ALTER TABLE inventory ADD COLUMN sold INTEGER NOT NULL DEFAULT 0;
ALTER TABLE prices ADD COLUMN belief TEXT;
ALTER TABLE history ADD COLUMN sold INTEGER;
ALTER TABLE history ADD COLUMN changed_at INTEGER;
ALTER TABLE history ADD COLUMN was_belief TEXT;
