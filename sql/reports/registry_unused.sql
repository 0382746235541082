-- title: Which images of the registry were not pulled for 90 days, and how much do they take?
-- group: inventory
-- about: Artifacts of SWR Enterprise by repository: how many were neither pulled nor pushed in the last days, and how many
--   bytes those take. What takes most comes first.
-- needs: swr_artifacts, swr_artifacts_versions
-- wants: swr_instances
-- takes: as_of, scope
-- param: days count 90  after how many days without a pull an artifact counts as unused
-- param: repository text none only this repository; * and = as with --app
-- by: repository  repository_name AS repository, instance, repository_id, instance_id
-- by: instance    instance, instance_id
-- by: artifact    repository_name AS repository, tags_named AS tags, instance, digest, id AS artifact_id, instance_id
-- wide: repository_id, instance_id, artifact_id, digest, new_artifacts
-- bar: unused_pct
-- note(not_pulled, never_pulled): not_pulled was pulled before these days for the last time, and never_pulled has no pull
--   at all. Both were last pushed before these days; what was pushed since is not unused, but new. An artifact counts as
--   pulled when it was or one of its tags.
-- note(unused_bytes, total_bytes): Artifacts share layers, and one content may stand in several repositories. To delete
--   what is unused frees unused_bytes at most.
-- note(unused_pct): unused_pct is unused_bytes in percent of total_bytes.
-- note: Only instances of version 25.6.0 or later list their artifacts. The service does not report who pulls: a scan
--   or a copy may count as a pull.

WITH
known AS (
    SELECT
        a.*,
        nullif(array_to_string(list_sort(list_transform(a.tags, lambda tag: tag.name)), ', '), '') AS tags_named,
        greatest(a.pull_time, list_max(list_transform(a.tags, lambda tag: tag.pull_time))) AS pulled_at,
        greatest(a.push_time, list_max(list_transform(a.tags, lambda tag: tag.push_time))) AS pushed_at
    FROM swr_artifacts_as_of(CAST($as_of AS TIMESTAMPTZ)) AS a
    WHERE matches(a._scope, CAST($scope AS VARCHAR)) AND matches(a.repository_name, CAST($repository AS VARCHAR))
),
described AS (
    SELECT
        known.*,
        coalesce(instances.name, known.instance_id) AS instance,
        coalesce(pulled_at >= earlier_by_days($as_of, CAST($days AS BIGINT)), false) AS is_pulled,
        coalesce(pushed_at >= earlier_by_days($as_of, CAST($days AS BIGINT)), false) AS is_new
    FROM known
    LEFT JOIN swr_instances_as_of(CAST($as_of AS TIMESTAMPTZ)) AS instances
        ON instances._region = known._region AND instances._project = known._project AND instances.id = known.instance_id
),
counted AS (
    SELECT
        {{columns}},
        count(*) AS artifacts,
        count(*) FILTER (NOT is_pulled AND NOT is_new AND pulled_at IS NOT NULL) AS not_pulled,
        count(*) FILTER (NOT is_pulled AND NOT is_new AND pulled_at IS NULL) AS never_pulled,
        coalesce(sum(size) FILTER (NOT is_pulled AND NOT is_new), 0)::BIGINT AS unused_bytes,
        coalesce(sum(size), 0)::BIGINT AS total_bytes,
        max(pulled_at) AS last_pulled,
        max(pushed_at) AS last_pushed,
        count(*) FILTER (NOT is_pulled AND is_new) AS new_artifacts
    FROM described
    GROUP BY ALL
)
SELECT
    * EXCLUDE (artifacts, not_pulled, never_pulled, unused_bytes, total_bytes, last_pulled, last_pushed, new_artifacts),
    artifacts,
    not_pulled,
    never_pulled,
    unused_bytes,
    total_bytes,
    round(100 * unused_bytes / nullif(total_bytes, 0), 1) AS unused_pct,
    last_pulled,
    last_pushed,
    new_artifacts
FROM counted
-- The first columns are the group's names.
ORDER BY unused_bytes DESC, not_pulled + never_pulled DESC, total_bytes DESC, 1, 2, 3, 4
