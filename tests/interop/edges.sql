-- Values that readers are known to stumble over, put among the records of a first night: missing and empty text,
-- Chinese beyond the basic plane, a value that no catalog knows, whole numbers that no double holds, instants before
-- 1970 and beyond what nanoseconds reach, those that a zone's clock shows twice or never, and nested ones of all kinds.

CREATE TEMP TABLE instants AS
SELECT row_number() OVER () AS place, moment FROM (VALUES
    (TIMESTAMPTZ '1899-12-31T23:59:59.000001Z'),
    (TIMESTAMPTZ '1969-12-31T23:59:59.999999Z'),
    (TIMESTAMPTZ '1970-01-01T00:00:00Z'),
    (TIMESTAMPTZ '1991-09-14T15:30:00.123456Z'),  -- half past eleven at night in Shanghai, and so an hour later
    (TIMESTAMPTZ '1991-09-14T16:30:00.123456Z'),
    (TIMESTAMPTZ '2025-03-09T05:29:59.999999Z'),  -- the last instant before St John's skips an hour
    (TIMESTAMPTZ '2025-03-09T05:30:00.000001Z'),
    (TIMESTAMPTZ '2025-11-02T04:15:00.123456Z'),  -- a quarter to two in St John's, and so an hour later
    (TIMESTAMPTZ '2025-11-02T05:15:00.123456Z'),
    (TIMESTAMPTZ '2400-02-29T12:34:56.789012Z')
) AS given(moment);

CREATE TEMP TABLE places AS SELECT id, row_number() OVER (ORDER BY id) AS place FROM app_install_jobs;

UPDATE app_install_jobs SET create_time = instants.moment, update_time = instants.moment
FROM places JOIN instants USING (place) WHERE places.id = app_install_jobs.id;

UPDATE app_install_jobs SET operator = '', target = NULL, job_status = 'TELEPORTING', app_name = '应用程序 𠮷野家 🚀',
    error_message = 'quote " comma , line' || chr(10) || 'tab' || chr(9) || 'backslash \ nul-like \0',
    extra = '{"新字段": [1, null, ""], "n": 9007199254740993}'
FROM places WHERE places.id = app_install_jobs.id AND place % 50 = 1;

UPDATE apps SET app_file_store = NULL WHERE id = (SELECT min(id) FROM apps);
UPDATE apps SET app_file_store = {'store_type': '', 'file_link': NULL, 'bucket_store': NULL}
WHERE id = (SELECT max(id) FROM apps);
UPDATE deploy_apps SET arrange_infos = [] WHERE id = (SELECT min(id) FROM deploy_apps);
UPDATE deploy_apps SET arrange_infos = [NULL, {'id': '编号', 'state': '', 'deploy_system': NULL}]
WHERE id = (SELECT max(id) FROM deploy_apps);
UPDATE deploy_tasks SET release_id = 9007199254740993, steps = MAP {}
WHERE name = (SELECT min(name) FROM deploy_tasks);
UPDATE deploy_tasks SET release_id = NULL,
    steps = MAP {'步骤': {'id': NULL, 'name': '', 'params': MAP {'键': '值', 'empty': '', 'none': NULL}, 'enable': NULL}}
WHERE name = (SELECT max(name) FROM deploy_tasks);

DROP TABLE places;
DROP TABLE instants;
CHECKPOINT;
