-- What one run gave to a table when it was decoded again, beside what the store holds as of that run: how many records,
-- how many of them the store does not hold, how many differ, and in which columns. Columns are compared as texts, so that
-- one whose type has changed can be compared too.
-- takes: table, versions, keys_of_staged, keys_of_version, keys_agree, pairs_again, at

SELECT count(*) AS records,
       count(*) FILTER (WHERE _hclake_joined._held IS NULL) AS not_held,
       count(*) FILTER (WHERE len(_hclake_joined._names) > 0) AS differ,
       coalesce(array_to_string(list_sort(list_distinct(flatten(list(_hclake_joined._names)))), ','), '') AS columns
FROM (
    SELECT c._scope AS _held,
           CASE WHEN c._scope IS NULL THEN CAST([] AS VARCHAR[])
                ELSE [_hclake_pair.name FOR _hclake_pair IN [{{pairs_again}}] IF _hclake_pair.differs] END AS _names
    FROM (SELECT s.*, {{keys_of_staged}} FROM again.main.{{table}} s) o
    LEFT JOIN (
        SELECT v.*, {{keys_of_version}} FROM held.main.{{versions}} v
        WHERE v._valid_from <= {{at}} AND (v._valid_to IS NULL OR v._valid_to > {{at}})
    ) c ON o._scope = c._scope AND {{keys_agree}}
) _hclake_joined;
