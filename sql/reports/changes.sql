-- title: What changed last night?
-- group: changes
-- about: What happened after since, which is the run before the newest one unless it is set, in ten sentences, the
--   strongest first: rates that rose or fell with evidence, new errors, lists that could not be read, failed deployments
--   and jobs, applications that came, went or changed.
-- needs: runs, sweeps
-- wants: app_install_jobs, apps, deploy_apps, image_jobs, swr_instance_jobs
-- takes: since = last, as_of
-- param: sentences count 10  how many sentences at most
-- wide: kind
-- note: A rate rose or fell where Fisher's exact test, after correction for all applications and versions, gives evidence
--   of 95 % or more against the 28 days before.

SELECT sentence, kind
FROM sentences($since, $as_of)
ORDER BY strength DESC, sentence
LIMIT CAST($sentences AS BIGINT)
