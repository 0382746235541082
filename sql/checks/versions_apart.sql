-- Versions of one key do not overlap.
-- takes: versions, keys_of_version, key_names, key_texts

SELECT concat_ws(' ', _scope, CAST({{key_texts}} AS VARCHAR), CAST(_valid_from AS VARCHAR)) AS detail
FROM (
    SELECT _scope, {{key_names}}, _valid_from, _valid_to,
           lead(_valid_from) OVER (PARTITION BY _scope, {{key_names}} ORDER BY _valid_from) AS _next_from
    FROM (SELECT v._scope, v._valid_from, v._valid_to, {{keys_of_version}} FROM {{versions}} v) keyed
) following
WHERE _next_from IS NOT NULL AND (_valid_to IS NULL OR _next_from < _valid_to OR _next_from = _valid_from)
