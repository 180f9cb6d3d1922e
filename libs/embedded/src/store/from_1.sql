-- Promotions: the rule set among the settings, the public lane of each SKU in its record and its history.
ALTER TABLE prices ADD COLUMN lane INTEGER;
ALTER TABLE prices ADD COLUMN promotions BLOB;
ALTER TABLE history ADD COLUMN lane INTEGER;
ALTER TABLE history ADD COLUMN was_lane INTEGER;
ALTER TABLE history ADD COLUMN rule_set INTEGER;
ALTER TABLE history ADD COLUMN left_out INTEGER;
ALTER TABLE settings ADD COLUMN rule_set INTEGER;
ALTER TABLE settings ADD COLUMN promotions TEXT NOT NULL DEFAULT '{}';
