--
-- :
-- title:
--   continued
-- by: a b
-- by: a b
-- param: since instant never
SELECT {{by}} {{columns}} $x