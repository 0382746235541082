-- The open records of a table in one region and project, for the lists that are read once for each of them.
-- The region is bound as $1, the project as $2.
-- takes: table, columns_of_current

SELECT {{columns_of_current}} FROM {{table}} c WHERE c._region = $1 AND c._project = $2;
