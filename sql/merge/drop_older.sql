-- Takes out of a retry's rows those that must not replace what is stored of their record: rows that are older by
-- their update time, and where that does not tell, those that are not known to be newer. Gives the numbers of the
-- rows taken out.
-- takes: stage, table, sweep, scope_text, known_newer, keys_of_staged, keys_of_current, key_names, updated_of_staged, updated_of_current

DELETE FROM {{stage}} WHERE _sweep = {{sweep}} AND _seq IN (
    SELECT come._seq
    FROM (
        SELECT s._seq, list_contains({{known_newer}}, s._seq) AS _newer, {{updated_of_staged}} AS _updated, {{keys_of_staged}}
        FROM {{stage}} s WHERE s._sweep = {{sweep}}
    ) come
    JOIN (
        SELECT {{updated_of_current}} AS _held, {{keys_of_current}} FROM {{table}} c WHERE c._scope = {{scope_text}}
    ) held USING ({{key_names}})
    WHERE NOT coalesce(CASE WHEN come._newer THEN come._updated >= held._held ELSE come._updated > held._held END, come._newer)
)
RETURNING _seq;
