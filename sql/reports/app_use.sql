-- title: Which applications are offered and paid for, and used by nobody?
-- group: inventory
-- about: Every application that App Center lists: to how many accounts it is authorized, on how many desktops it was
--   installed, how often it was opened as a streamed application in the last days, and what follows from that. The ones
--   that nobody can have used come first.
-- needs: apps, apps_versions, app_authorizations, app_authorizations_versions, app_install_jobs, app_install_jobs_versions
-- wants: app_connections
-- takes: as_of, app, scope
-- param: days count 30  how many days of openings are counted
-- wide: app_id, scope, status, authorized_groups, install_jobs, failed_openings
-- note(opened, users, last_opened): opened, users and last_opened are of streamed applications only. No list reports
--   whether an application that is installed on a desktop is used: of such a one the remark says "use not known".
-- note(opened, users, last_opened): A streamed application counts for the application that has its id, or, where none of
--   the project has it, for all that have its name. The lists do not say that such a name is the same application.
--   Openings that failed are in failed_openings only. The service shows 30 days, so openings are known since 30 days
--   before the first run that read them.
-- note(authorized): authorized counts users and user groups alike, a group once for all its users; authorized_groups says
--   how many are groups. What is listed for an application that is offered to every user is not known for certain.
-- note(authorized, opened): A number is missing where the list has no record of the project at all: then it was not read,
--   or there is nothing in it.
-- note(installed): installed counts the desktops with a successful install job. What was removed since, and desktops that
--   were deleted since, still count; a job that is gone from the list does not.
-- note(source): No list tells what an application costs. MARKET in source is what comes from the market.

WITH
every_app AS (
    SELECT * FROM apps_as_of(CAST($as_of AS TIMESTAMPTZ))
),
granted AS (
    SELECT _region, _project, app_id,
        count(*) AS authorized,
        count(*) FILTER (lower(account_type) = 'user_group') AS authorized_groups
    FROM app_authorizations_as_of(CAST($as_of AS TIMESTAMPTZ))
    GROUP BY ALL
),
installs AS (
    SELECT _region, _project, app_id,
        count(*) AS jobs,
        count(*) FILTER (job_status IN ('SUCCESS', 'FAIL')) AS finished,
        count(*) FILTER (job_status = 'SUCCESS') AS succeeded,
        count(DISTINCT instance_id) FILTER (job_status = 'SUCCESS') AS installed,
        max(update_time) FILTER (job_status = 'SUCCESS') AS last_installed
    FROM app_install_jobs_as_of(CAST($as_of AS TIMESTAMPTZ))
    GROUP BY ALL
),
openings AS (
    SELECT c._region, c._project, c.app_id, c.app_name, c.user_name, c.brokering_time,
        coalesce(c.failed_code, '') <> '' AS failed,
        days_before(c.brokering_time, $as_of, CAST($days AS BIGINT), 0) AS is_recent,
        every_app.id IS NOT NULL AS is_by_id
    FROM app_connections_as_of(CAST($as_of AS TIMESTAMPTZ)) AS c
    LEFT JOIN every_app ON every_app._region = c._region AND every_app._project = c._project AND every_app.id = c.app_id
),
of_apps AS (
    SELECT openings.*, app_id AS id FROM openings WHERE is_by_id
    UNION ALL
    SELECT openings.*, every_app.id
    FROM openings
    JOIN every_app ON every_app._region = openings._region AND every_app._project = openings._project
        AND lower(every_app.name) = lower(openings.app_name)
    WHERE NOT openings.is_by_id
),
uses AS (
    SELECT _region, _project, id,
        count(*) FILTER (is_recent AND NOT failed) AS opened,
        count(*) FILTER (is_recent AND failed) AS failed_openings,
        count(DISTINCT user_name) FILTER (is_recent AND NOT failed) AS users,
        max(brokering_time) FILTER (NOT failed) AS last_opened
    FROM of_apps
    GROUP BY ALL
),
counted AS (
    SELECT
        every_app.*,
        if(granting._project IS NOT NULL, coalesce(granted.authorized, 0), NULL) AS authorized,
        if(granting._project IS NOT NULL, coalesce(granted.authorized_groups, 0), NULL) AS authorized_groups,
        coalesce(installs.jobs, 0) AS jobs,
        coalesce(installs.finished, 0) AS finished,
        coalesce(installs.succeeded, 0) AS succeeded,
        coalesce(installs.installed, 0) AS installed,
        installs.last_installed,
        if(opening._project IS NOT NULL, coalesce(uses.opened, 0), NULL) AS opened,
        if(opening._project IS NOT NULL, coalesce(uses.failed_openings, 0), NULL) AS failed_openings,
        if(opening._project IS NOT NULL, coalesce(uses.users, 0), NULL) AS users,
        uses.last_opened
    FROM every_app
    LEFT JOIN granted ON granted._region = every_app._region AND granted._project = every_app._project
        AND granted.app_id = every_app.id
    LEFT JOIN installs ON installs._region = every_app._region AND installs._project = every_app._project
        AND installs.app_id = every_app.id
    LEFT JOIN uses ON uses._region = every_app._region AND uses._project = every_app._project AND uses.id = every_app.id
    -- Whether anything is known of the project at all.
    LEFT JOIN (SELECT DISTINCT _region, _project FROM granted) AS granting
        ON granting._region = every_app._region AND granting._project = every_app._project
    LEFT JOIN (SELECT DISTINCT _region, _project FROM openings) AS opening
        ON opening._region = every_app._region AND opening._project = every_app._project
    WHERE (matches(every_app.name, CAST($app AS VARCHAR)) OR every_app.id = CAST($app AS VARCHAR))
        AND matches(every_app._scope, CAST($scope AS VARCHAR))
),
described AS (
    SELECT *,
        CASE
            WHEN opened > 0 THEN NULL
            WHEN status = 'FORBIDDEN' THEN 'forbidden'
            WHEN failed_openings > 0 THEN 'every opening failed'
            WHEN last_opened IS NOT NULL THEN 'not opened lately'
            WHEN succeeded > 0 THEN 'installed, use not known'
            WHEN finished > 0 THEN 'every installation failed'
            WHEN jobs > 0 THEN 'installation not finished'
            WHEN authorization_type = 'ASSIGN_USER' AND authorized = 0 THEN 'nobody is authorized'
            ELSE 'never installed'
        END AS remark
    FROM counted
)
SELECT
    name AS app,
    version,
    remark,
    CASE authorization_type WHEN 'ALL_USER' THEN 'every user' WHEN 'ASSIGN_USER' THEN 'those authorized'
        ELSE authorization_type END AS offered_to,
    authorized,
    installed,
    last_installed,
    opened,
    users,
    last_opened,
    application_source AS source,
    status,
    authorized_groups,
    jobs AS install_jobs,
    failed_openings,
    id AS app_id,
    _scope AS scope
FROM described
ORDER BY list_position(['never installed', 'nobody is authorized', 'every installation failed', 'every opening failed',
        'not opened lately', 'installation not finished', 'installed, use not known', 'forbidden'], remark) NULLS LAST,
    -- The one that was offered to most comes first.
    authorization_type IS DISTINCT FROM 'ALL_USER', authorized DESC NULLS LAST, installed DESC, opened DESC NULLS LAST,
    app, version, app_id, scope
