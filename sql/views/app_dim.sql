-- title: Applications, one row each
-- about: Every application that App Center lists or that an install job names, with how often it was installed.
-- needs: apps_versions, install_job_facts
-- column: _scope             What was listed: region and project.
-- column: app_id             Identifier of the application; `app_id` in install_job_facts.
-- column: app                Its name; the newest one that a job names where App Center does not list it.
-- column: version            Its version as App Center lists it.
-- column: status             Whether it may be used, in the API's words: NORMAL or FORBIDDEN.
-- column: authorization_type Whether every user may install it, or only those it is assigned to.
-- column: application_source Uploaded by users, built in, or from the market.
-- column: catalog            Its catalogue.
-- column: support_os         Operating system that it is for.
-- column: create_time        When it was made.
-- column: is_listed          Whether App Center lists it.
-- column: jobs               Install jobs of it.
-- column: finished           Those that finished.
-- column: failed             Those that failed.
-- column: versions           Versions that jobs name.
-- column: desktops           Desktops and instances with a job of it.
-- column: first_job_at       When its first job was made.
-- column: last_job_at        When its last job was made.

WITH
listed AS (
    SELECT v.*
    FROM apps_versions AS v
    WHERE v._valid_from <= {{at}} AND (v._valid_to IS NULL OR v._valid_to > {{at}})
),
installed AS (
    SELECT
        f._scope,
        f.app_id,
        any_value(f.app) AS app,
        count(*) AS jobs,
        count(*) FILTER (f.finished) AS finished,
        count(*) FILTER (f.failed) AS failed,
        count(DISTINCT f.app_version) AS versions,
        count(DISTINCT f.instance_id) AS desktops,
        min(f.create_time) AS first_job_at,
        max(f.create_time) AS last_job_at
    FROM {{install_job_facts}} AS f
    WHERE f.app_id IS NOT NULL
    GROUP BY f._scope, f.app_id
)
SELECT
    coalesce(listed._scope, installed._scope) AS _scope,
    coalesce(listed.id, installed.app_id) AS app_id,
    coalesce(listed.name, installed.app) AS app,
    listed.version,
    listed.status,
    listed.authorization_type,
    listed.application_source,
    listed.catalog,
    listed.support_os,
    listed.create_time,
    listed.id IS NOT NULL AS is_listed,
    coalesce(installed.jobs, 0) AS jobs,
    coalesce(installed.finished, 0) AS finished,
    coalesce(installed.failed, 0) AS failed,
    coalesce(installed.versions, 0) AS versions,
    coalesce(installed.desktops, 0) AS desktops,
    installed.first_job_at,
    installed.last_job_at
FROM listed
FULL JOIN installed ON installed._scope = listed._scope AND installed.app_id = listed.id
