-- A year of nights in place of a demo's three: 365 runs, and 100,000 install jobs that were made over them, each seen
-- pending on one night and ended on the next, 1 of 20 of the failed ones retried a night later. Made from the demo's own
-- applications and desktops by a hash, so that every run of this script gives the same rows.

DELETE FROM runs;
DELETE FROM sweeps;
DELETE FROM app_install_jobs_history;

CREATE TEMP TABLE nights AS
SELECT night, TIMESTAMPTZ '2025-06-01 02:00:00+00' + to_days(night::INTEGER) AS started_at
FROM range(1, 366) AS nights(night);

INSERT INTO runs BY NAME
SELECT night AS run_id, '0.1.0' AS version, started_at, started_at + INTERVAL 3 MINUTE AS ended_at, 'complete' AS outcome,
    '' AS settings_hash
FROM nights;

INSERT INTO sweeps BY NAME
SELECT nights.night AS run_id, list.table_name, list.scope, '' AS region, '' AS project, nights.started_at,
    nights.started_at AS ended_at, 'complete' AS verdict, 'totals' AS proof, 100000 AS rows_read, 100000 AS distinct_count,
    270 AS "new", 270 AS changed, 99000 AS unchanged, 0 AS gone, 0 AS held_back, 0 AS duplicates, 0 AS conflicts,
    0 AS quarantined, 1000 AS pages, 1000 AS requests, 0 AS retries, 0 AS throttled, 0 AS waited_ms, 0 AS bytes
FROM nights CROSS JOIN (
    SELECT 'app_install_jobs' AS table_name, any_value(_scope) AS scope FROM app_install_jobs
    UNION ALL SELECT 'apps', any_value(_scope) FROM apps
    UNION ALL SELECT 'deploy_apps', any_value(_scope) FROM deploy_apps
    UNION ALL SELECT 'swr_instance_jobs', any_value(_scope) FROM swr_instance_jobs
) AS list;

CREATE TEMP TABLE patterns AS
SELECT *, row_number() OVER (ORDER BY id) - 1 AS place FROM app_install_jobs;

-- A desktop with its user, of as many as the jobs fell on.
CREATE TEMP TABLE desks AS
SELECT number, md5('desktop' || number) AS desktop_id, 'DESK-' || number AS computer_name, 'S-1-5-21-1-' || number AS sid,
    'user' || number % 15000 || '@example.com' AS user_name
FROM range(20000) AS numbers(number);

CREATE TEMP TABLE jobs AS
SELECT
    patterns.* EXCLUDE (id, job_status, error_message, create_time, update_time, place)
        REPLACE (desks.desktop_id AS instance_id, desks.computer_name AS instance_name, desks.sid AS instance_sid,
            desks.user_name AS target),
    md5(numbers.number::VARCHAR) AS id,
    1 + numbers.number * 362 // 100000 AS night,
    hash(numbers.number, 'rate') % 1000 / 1000.0 AS luck,
    hash(numbers.number, 'retry') % 20 = 0 AS is_retried,
    hash(numbers.number, 'error') % 100 AS error_number,
    hash(numbers.number, 'time') % 80000 AS second,
    hash(numbers.number, 'length') % 2400 + 40 AS length_s
FROM (
    SELECT number, (hash(number, 'pattern') % (SELECT count(*) FROM patterns))::BIGINT AS place
    FROM range(100000) AS numbers(number)
) AS numbers
JOIN patterns ON patterns.place = numbers.place
JOIN desks ON desks.number = hash(numbers.number, 'desk') % 20000;

CREATE TEMP TABLE ended AS
SELECT jobs.*,
    nights.started_at - INTERVAL 24 HOUR + to_seconds(jobs.second::BIGINT) AS create_time,
    nights.started_at AS seen_at,
    jobs.luck < 0.04 + 0.001 * (hash(jobs.app_id) % 150) AS is_failed
FROM jobs JOIN nights ON nights.night = jobs.night;

DELETE FROM app_install_jobs;

INSERT INTO app_install_jobs BY NAME
SELECT * EXCLUDE (night, luck, is_retried, error_number, second, length_s, seen_at, is_failed, _valid_from, _run_id),
    CASE WHEN is_failed AND is_retried THEN 'SUCCESS' WHEN is_failed THEN 'FAIL' ELSE 'SUCCESS' END AS job_status,
    CASE WHEN is_failed AND NOT is_retried
        THEN 'install command exited with code ' || (1600 + error_number % 30) || ': step ' || (luck * 1000)::INTEGER || ' failed'
        ELSE '' END AS error_message,
    create_time + to_seconds(length_s::BIGINT) + if(is_failed AND is_retried, INTERVAL 1 DAY, INTERVAL 0 DAY)
        AS update_time,
    seen_at + if(is_failed AND is_retried, INTERVAL 2 DAY, INTERVAL 1 DAY) AS _valid_from,
    night + if(is_failed AND is_retried, 2, 1) AS _run_id
FROM ended;

INSERT INTO app_install_jobs_history BY NAME
SELECT * EXCLUDE (night, luck, is_retried, error_number, second, length_s, seen_at, is_failed, _valid_from, _run_id),
    'INIT' AS job_status, '' AS error_message, create_time AS update_time,
    seen_at AS _valid_from, night AS _run_id,
    seen_at + INTERVAL 1 DAY AS _valid_to, 'changed' AS _closed_by, night + 1 AS _closed_run_id
FROM ended
UNION ALL BY NAME
SELECT * EXCLUDE (night, luck, is_retried, error_number, second, length_s, seen_at, is_failed, _valid_from, _run_id),
    'FAIL' AS job_status, 'disk space is not enough: ' || error_number || ' MB free' AS error_message,
    create_time + to_seconds(length_s::BIGINT) AS update_time,
    seen_at + INTERVAL 1 DAY AS _valid_from, night + 1 AS _run_id,
    seen_at + INTERVAL 2 DAY AS _valid_to, 'changed' AS _closed_by, night + 2 AS _closed_run_id
FROM ended WHERE is_failed AND is_retried;

-- The lists beyond the core, grown from the demo's own rows, which are themselves first seen after the last night.
-- A row is first seen on the night that its number falls on, and what it describes happened in the day before that.

CREATE TEMP MACRO grown(list, wanted) AS TABLE
SELECT
    patterns.* EXCLUDE (place) REPLACE (
        nights.night AS _run_id, nights.started_at AS _first_seen, nights.started_at AS _valid_from),
    numbers.number,
    nights.started_at - to_seconds((hash(numbers.number, list) % 86400)::BIGINT) AS happened_at,
    to_seconds((hash(numbers.number, list, 'length') % 3600)::BIGINT) AS took
FROM (
    SELECT number, 1 + number * 364 // wanted AS night,
        (hash(number, list, 'pattern') % (SELECT count(*) FROM query_table(list)))::BIGINT AS place
    FROM range(wanted) AS numbers(number)
) AS numbers
JOIN (SELECT *, row_number() OVER (ORDER BY _hash) - 1 AS place FROM query_table(list)) AS patterns
    ON patterns.place = numbers.place
JOIN nights ON nights.night = numbers.night;

-- What a row points to: one of so many things of a kind, by the number of the row.
CREATE TEMP MACRO one_of(kind, things, number) AS md5(kind || hash(number, kind) % things);

-- Small lists: all rows are there from the first night.
CREATE TEMP TABLE first_night AS SELECT min(started_at) AS started_at FROM nights;
UPDATE apps SET _run_id = 1, _first_seen = started_at, _valid_from = started_at FROM first_night;
UPDATE app_server_groups SET _run_id = 1, _first_seen = started_at, _valid_from = started_at FROM first_night;
UPDATE swr_instances SET _run_id = 1, _first_seen = started_at, _valid_from = started_at FROM first_night;

CREATE TEMP TABLE pool_ids AS SELECT number, md5('pool' || number) AS id FROM range(200) AS numbers(number);
INSERT INTO desktop_pools
SELECT * EXCLUDE (number, happened_at, took) REPLACE (md5('pool' || number) AS id, 'pool ' || number AS name,
    'image-' || number % 40 AS image_id, 'image ' || number % 40 AS image_name)
FROM grown('desktop_pools', 200);

INSERT INTO desktops
SELECT list.* EXCLUDE (number, happened_at, took) REPLACE (desks.desktop_id AS desktop_id, desks.computer_name AS computer_name,
    desks.sid AS sid, desks.user_name AS user_name, md5('pool' || list.number % 200) AS pool_id, list.happened_at AS created)
FROM grown('desktops', 20000) AS list JOIN desks ON desks.number = list.number;

INSERT INTO desktop_details
SELECT list.* EXCLUDE (number, happened_at, took) REPLACE (desks.desktop_id AS desktop_id, desks.computer_name AS computer_name,
    desks.sid AS sid, desks.user_name AS user_name, list.happened_at AS created,
    MAP {'metering.image_id': 'image-' || list.number % 40, 'image_name': 'image ' || list.number % 40} AS metadata)
FROM grown('desktop_details', 20000) AS list JOIN desks ON desks.number = list.number;

-- Every second desktop was in another pool, with another image, for the first ten nights that it was seen.
INSERT INTO desktops_history BY NAME
SELECT * REPLACE (md5('pool' || hash(desktop_id) % 200) AS pool_id),
    _valid_from + INTERVAL 10 DAY AS _valid_to, 'changed' AS _closed_by, _run_id + 10 AS _closed_run_id
FROM desktops WHERE _valid_from < '2026-05-01' AND hash(desktop_id) % 2 = 0;
UPDATE desktops SET _valid_from = _valid_from + INTERVAL 10 DAY, _run_id = _run_id + 10
WHERE _valid_from < '2026-05-01' AND hash(desktop_id) % 2 = 0;
INSERT INTO desktop_details_history BY NAME
SELECT * REPLACE (MAP {'metering.image_id': 'image-0', 'image_name': 'image 0'} AS metadata),
    _valid_from + INTERVAL 10 DAY AS _valid_to, 'changed' AS _closed_by, _run_id + 10 AS _closed_run_id
FROM desktop_details WHERE _valid_from < '2026-05-01' AND hash(desktop_id) % 2 = 0;
UPDATE desktop_details SET _valid_from = _valid_from + INTERVAL 10 DAY, _run_id = _run_id + 10
WHERE _valid_from < '2026-05-01' AND hash(desktop_id) % 2 = 0;

INSERT INTO user_groups
SELECT * EXCLUDE (number, happened_at, took) REPLACE (md5('group' || number) AS id, 'group ' || number AS name,
    happened_at AS create_time)
FROM grown('user_groups', 200);

INSERT INTO desktop_users
SELECT * EXCLUDE (number, happened_at, took) REPLACE (md5('user' || number) AS id, 'user' || number AS user_name,
    'example.com' AS domain,
    list_distinct(['group ' || number % 200, 'group ' || hash(number) % 200])[:number % 3] AS group_names)
FROM grown('desktop_users', 15000);

-- Jobs on desktops, of the types that are read, each as it ended; one of ten was seen running on the night before.
INSERT INTO workspace_sub_jobs
SELECT list.* EXCLUDE (number, happened_at, took) REPLACE (md5('sub job' || list.number) AS id, desks.desktop_id AS desktop_id,
    split_part(list._scope, '/', 3) AS job_type, if(hash(list.number, 'status') % 8 = 0, 'FAILED', 'SUCCESS') AS status,
    if(hash(list.number, 'status') % 8 = 0, 'WKS.' || hash(list.number) % 40, '') AS error_code,
    list.happened_at - list.took AS begin_time, list.happened_at AS end_time)
FROM grown('workspace_sub_jobs', 100000) AS list JOIN desks ON desks.number = hash(list.number, 'desk') % 20000;
INSERT INTO workspace_sub_jobs_history BY NAME
SELECT * REPLACE ('RUNNING' AS status, '' AS error_code, NULL AS end_time), _valid_from + INTERVAL 1 DAY AS _valid_to,
    'changed' AS _closed_by, _run_id + 1 AS _closed_run_id
FROM workspace_sub_jobs WHERE _valid_from < '2026-05-31' AND hash(id) % 10 = 0;
UPDATE workspace_sub_jobs SET _valid_from = _valid_from + INTERVAL 1 DAY, _run_id = _run_id + 1
WHERE _valid_from < '2026-05-31' AND hash(id) % 10 = 0;

INSERT INTO user_events
SELECT list.* EXCLUDE (number, happened_at, took) REPLACE (md5('event' || list.number) AS record_key,
    list.happened_at AS event_time, 'event type ' || hash(list.number, 'type') % 20 AS event_type,
    desks.user_name AS username, desks.desktop_id AS resource_id,
    hash(list.number, 'outcome') % 1000 > 20 + hash(desks.user_name) % 60 AS is_success,
    CASE WHEN hash(list.number, 'outcome') % 1000 <= 20 + hash(desks.user_name) % 60
        THEN 'WKS.' || hash(list.number) % 60 END AS error_code,
    '10.1.' || hash(list.number, 'address') % 250 || '.' || hash(list.number) % 250 AS source_ip)
FROM grown('user_events', 100000) AS list JOIN desks ON desks.number = hash(list.number, 'desk') % 20000;

INSERT INTO login_records
SELECT list.* EXCLUDE (number, happened_at, took) REPLACE (md5('login' || list.number) AS record_key,
    list.happened_at AS connection_start_time,
    CASE WHEN hash(list.number, 'outcome') % 20 > 0 THEN list.happened_at END AS connection_setup_time,
    list.happened_at + list.took AS connection_end_time,
    CASE WHEN hash(list.number, 'outcome') % 20 = 0 THEN 'reason ' || hash(list.number) % 30 END AS connection_failure_reason,
    desks.user_name AS user_name, desks.desktop_id AS desktop_id, desks.computer_name AS computer_name, desks.sid AS sid,
    'agent 1.' || hash(list.number, 'agent') % 12 AS agent_version,
    '10.1.' || hash(list.number, 'address') % 250 || '.' || hash(list.number) % 250 AS source_ip)
FROM grown('login_records', 100000) AS list JOIN desks ON desks.number = hash(list.number, 'desk') % 20000;

CREATE TEMP TABLE groups AS
SELECT row_number() OVER (ORDER BY id) - 1 AS number, count(*) OVER () AS groups, id, name FROM app_server_groups;
INSERT INTO app_servers
SELECT list.* EXCLUDE (number, happened_at, took) REPLACE (md5('server' || list.number) AS id, 'SRV-' || list.number AS machine_name,
    'S-1-5-21-2-' || list.number AS sid, groups.id AS server_group_id, groups.name AS server_group_name,
    'image-' || list.number % 40 AS image_id, list.happened_at AS create_time, list.happened_at AS update_time)
FROM grown('app_servers', 500) AS list JOIN groups ON groups.number = list.number % groups.groups;

CREATE TEMP TABLE app_ids AS
SELECT row_number() OVER (ORDER BY id) - 1 AS number, count(*) OVER () AS apps, id, name FROM apps;
INSERT INTO app_connections
SELECT list.* EXCLUDE (number, happened_at, took) REPLACE (md5('opening' || list.number) AS id, desks.user_name AS user_name,
    app_ids.id AS app_id, app_ids.name AS app_name, list.happened_at AS brokering_time,
    list.happened_at + list.took AS end_time, servers.sid AS sid, servers.machine_name AS machine_name,
    servers.server_group_id AS primary_server_group_id, 'client ' || hash(list.number, 'client') % 20 AS client_version,
    if(hash(list.number, 'outcome') % 1000 < 10 + hash(app_ids.id) % 60, 'APS.' || hash(list.number) % 30, '') AS failed_code,
    if(hash(list.number, 'outcome') % 1000 < 10 + hash(app_ids.id) % 60, 'reason ' || hash(list.number) % 90, '')
        AS connection_failure_reason)
FROM grown('app_connections', 100000) AS list
JOIN desks ON desks.number = hash(list.number, 'desk') % 20000
JOIN app_ids ON app_ids.number = hash(list.number, 'app') % app_ids.apps
JOIN app_servers AS servers ON servers.id = one_of('server', 500, list.number);

INSERT INTO app_sessions
SELECT list.* EXCLUDE (number, happened_at, took) REPLACE (md5('session' || list.number) AS id,
    list.happened_at AS start_time, list.happened_at + list.took AS end_time)
FROM grown('app_sessions', 100000) AS list;

INSERT INTO app_authorizations
SELECT list.* EXCLUDE (number, happened_at, took) REPLACE (md5('account' || list.number) AS record_key, app_ids.id AS app_id,
    'account ' || list.number % 15000 AS account)
FROM grown('app_authorizations', 50000) AS list JOIN app_ids ON app_ids.number = hash(list.number, 'app') % app_ids.apps;

INSERT INTO deploy_apps
SELECT * EXCLUDE (number, happened_at, took) REPLACE (md5('deployed' || number) AS id, 'deployed ' || number AS name,
    happened_at AS execution_time)
FROM grown('deploy_apps', 2000);
INSERT INTO deploy_tasks
SELECT * EXCLUDE (number, happened_at, took) REPLACE (md5('task' || number) AS id, 'task ' || number AS name,
    one_of('deployed', 2000, number) AS app_id)
FROM grown('deploy_tasks', 500);
INSERT INTO deploy_records
SELECT * EXCLUDE (number, happened_at, took) REPLACE (one_of('task', 500, number) AS task_id,
    md5('execution' || number) AS execution_id, number AS release_id, happened_at AS start_time,
    happened_at + took AS end_time, hash(number) % 3600 AS duration_s)
FROM grown('deploy_records', 50000);

INSERT INTO pipelines
SELECT * EXCLUDE (number, happened_at, took) REPLACE (md5('pipeline' || number) AS pipeline_id, 'pipeline ' || number AS name)
FROM grown('pipelines', 300);
INSERT INTO pipeline_runs
SELECT * EXCLUDE (number, happened_at, took) REPLACE (one_of('pipeline', 300, number) AS pipeline_id,
    md5('run' || number) AS pipeline_run_id, happened_at AS start_time, happened_at + took AS end_time,
    one_of('commit', 20000, number) AS commit_id, 'branch ' || hash(number, 'branch') % 200 AS target_branch)
FROM grown('pipeline_runs', 50000);
INSERT INTO build_records
SELECT * EXCLUDE (number, happened_at, took) REPLACE (one_of('built', 500, number) AS build_project_id,
    md5('build' || number) AS id, one_of('commit', 20000, number) AS revision, happened_at AS create_time,
    happened_at AS queued_time, happened_at + took AS start_time, happened_at + took + took AS finish_time)
FROM grown('build_records', 50000);

INSERT INTO image_servers
SELECT * EXCLUDE (number, happened_at, took) REPLACE (md5('builder' || number) AS id,
    'image-' || number % 40 AS source_image_id, 'private' AS source_image_type, 'built-' || number AS image_id)
FROM grown('image_servers', 200);
UPDATE app_server_groups SET image_id = 'image-' || hash(id) % 40, image_name = 'image ' || hash(id) % 40;
INSERT INTO image_jobs
SELECT * EXCLUDE (number, happened_at, took) REPLACE ('job ' || number AS id, happened_at AS begin_time,
    happened_at + took AS end_time, if(hash(number, 'outcome') % 8 = 0, 'FAILED', 'SUCCESS') AS status)
FROM grown('image_jobs', 10000);
INSERT INTO image_sub_jobs
SELECT parts.* EXCLUDE (number, happened_at, took) REPLACE (jobs._scope AS _scope, md5('part' || parts.number) AS id,
    jobs.id AS job_id, one_of('builder', 200, parts.number) AS resource_id,
    if(jobs.status = 'FAILED' AND parts.number // 10000 = 2, 'FAILED', 'SUCCESS') AS status,
    if(jobs.status = 'FAILED' AND parts.number // 10000 = 2, 'APS.' || hash(parts.number) % 40, '') AS error_code,
    if(jobs.status = 'FAILED' AND parts.number // 10000 = 2, 'part ' || parts.number || ' failed', '') AS error_message,
    jobs.begin_time AS begin_time, jobs.end_time AS end_time, jobs._run_id AS _run_id, jobs._first_seen AS _first_seen,
    jobs._valid_from AS _valid_from)
FROM grown('image_sub_jobs', 50000) AS parts JOIN image_jobs AS jobs ON jobs.id = 'job ' || parts.number % 10000;

INSERT INTO swr_instance_jobs
SELECT * EXCLUDE (number, happened_at, took) REPLACE (md5('registry' || number) AS id, happened_at AS created_at)
FROM grown('swr_instance_jobs', 20000);
CREATE TEMP TABLE registries AS
SELECT row_number() OVER (ORDER BY id) - 1 AS number, count(*) OVER () AS registries, id FROM swr_instances;
INSERT INTO swr_artifacts
SELECT list.* EXCLUDE (number, happened_at, took) REPLACE (1000000 + list.number AS id, registries.id AS instance_id,
    'repository ' || hash(list.number, 'repository') % 3000 AS repository_name, 'sha256:' || md5(list.number::VARCHAR) AS digest,
    hash(list.number, 'size') % 900000000 AS size, list.happened_at AS push_time,
    if(hash(list.number) % 3 = 0, NULL, list.happened_at + list.took) AS pull_time)
FROM grown('swr_artifacts', 50000) AS list
JOIN registries ON registries.number = hash(list.number, 'registry') % registries.registries;

CHECKPOINT;
