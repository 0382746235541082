-- title: What was installed on this desktop, or for this user, and when?
-- group: installations
-- about: Install jobs in the order in which they were made: of one desktop (--instance), one user (--target) or one
--   application (--app), or of all.
-- needs: app_install_jobs, app_install_jobs_versions
-- takes: since, until, as_of, app, instance, target, scope
-- wide: operator, id, app_id, instance_id, _scope

SELECT
    create_time AS created,
    instance AS desktop,
    target AS user,
    app,
    app_version AS version,
    job_status AS status,
    update_time AS changed,
    CASE WHEN failed THEN error_message END AS error,
    operator,
    id,
    app_id,
    instance_id,
    _scope
FROM jobs($as_of, $app, $instance, $target, $scope)
WHERE in_range(create_time, $since, $until)
ORDER BY create_time, id
