-- Rollouts: the candidate among the settings, what it counts in each price record and its history. When and why strategies were published.
ALTER TABLE settings ADD COLUMN strategies_note TEXT NOT NULL DEFAULT '';
ALTER TABLE settings ADD COLUMN strategies_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE settings ADD COLUMN candidate INTEGER;
ALTER TABLE settings ADD COLUMN rollout TEXT;
ALTER TABLE prices ADD COLUMN trial TEXT;
ALTER TABLE history ADD COLUMN was_trial TEXT;
