-- Whether the store and the dataset have the same rows: the same number, and the same sum and exclusive-or of hashes.
-- It needs no more memory than one row. `both` marks each row with its source; `hashed` are the columns compared.
-- takes: both, hashed

WITH _hclake_both AS ({{both}}),
_hclake_hashed AS (SELECT _hclake_stored, hash({{hashed}}) AS _hclake_row FROM _hclake_both),
_hclake_sums AS (
    SELECT count(*) FILTER (_hclake_stored) = count(*) FILTER (NOT _hclake_stored)
           AND sum(_hclake_row) FILTER (_hclake_stored)
               IS NOT DISTINCT FROM sum(_hclake_row) FILTER (NOT _hclake_stored)
           AND bit_xor(_hclake_row) FILTER (_hclake_stored)
               IS NOT DISTINCT FROM bit_xor(_hclake_row) FILTER (NOT _hclake_stored) AS _hclake_same
    FROM _hclake_hashed
)
SELECT _hclake_same FROM _hclake_sums;
