-- Adds the rows of a Parquet file to a table. Texts become JSON where the table has it.
-- takes: table, columns, file

INSERT INTO {{table}} ({{columns}}) SELECT {{columns}} FROM read_parquet({{file}}, hive_partitioning = false);
