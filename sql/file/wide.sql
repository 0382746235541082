-- Bytes of the largest vector of large values in a table. Values that are too large for a shared block have separate
-- blocks of 256 KiB; of a segment's blocks, the share of one vector is counted.
-- takes: table_text, vector_rows

SELECT CAST(coalesce(max(wide), 0) AS UBIGINT)
FROM (
    SELECT row_group_id, sum(widest) AS wide
    FROM (
        SELECT row_group_id, column_path,
               max(len(additional_block_ids) * 262144 * least(1.0, {{vector_rows}} / "count")) AS widest
        FROM pragma_storage_info({{table_text}})
        WHERE len(additional_block_ids) > 0 AND "count" > 0
        GROUP BY row_group_id, column_path
    )
    GROUP BY row_group_id
);
