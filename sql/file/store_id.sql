-- The id of the store.
-- takes:

SELECT store_id FROM store_identity;
