-- The offsets of the zone that days and weeks are counted in, each from an instant on, in UTC. The caller fills it.
CREATE OR REPLACE TEMP TABLE _hclake_zone (starts_at TIMESTAMP, offset_s BIGINT);
