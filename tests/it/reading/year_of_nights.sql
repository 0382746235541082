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

CREATE TEMP TABLE jobs AS
SELECT
    patterns.* EXCLUDE (id, job_status, error_message, create_time, update_time, place),
    md5(number::VARCHAR) AS id,
    1 + number * 362 // 100000 AS night,
    hash(number, 'rate') % 1000 / 1000.0 AS luck,
    hash(number, 'retry') % 20 = 0 AS is_retried,
    hash(number, 'error') % 100 AS error_number,
    hash(number, 'time') % 80000 AS second,
    hash(number, 'length') % 2400 + 40 AS length_s
FROM (
    SELECT number, (hash(number, 'pattern') % (SELECT count(*) FROM patterns))::BIGINT AS place
    FROM range(100000) AS numbers(number)
) AS numbers
JOIN patterns ON patterns.place = numbers.place;

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

CHECKPOINT;
