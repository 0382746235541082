-- Deletes the rows of a retry that must not replace the stored version of their record: rows with an earlier update
-- time, and rows that are not known to be newer if the update time does not decide. Returns the numbers of the
-- deleted rows.
-- takes: stage, table, sweep, scope_text, known_newer, keys_of_staged, keys_of_current, key_names, updated_of_staged, updated_of_current

DELETE FROM {{stage}} WHERE _sweep = {{sweep}} AND _seq IN (
    SELECT incoming._seq
    FROM (
        SELECT s._seq, list_contains({{known_newer}}, s._seq) AS _newer, {{updated_of_staged}} AS _updated, {{keys_of_staged}}
        FROM {{stage}} s WHERE s._sweep = {{sweep}}
    ) incoming
    JOIN (
        SELECT {{updated_of_current}} AS _held, {{keys_of_current}} FROM {{table}} c WHERE c._scope = {{scope_text}}
    ) held USING ({{key_names}})
    WHERE NOT coalesce(
        CASE WHEN incoming._newer THEN incoming._updated >= held._held ELSE incoming._updated > held._held END,
        incoming._newer
    )
)
RETURNING _seq;
