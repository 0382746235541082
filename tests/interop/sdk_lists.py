"""Lists what the built-in lists hold by Huawei Cloud's own SDK for Python, for a test that compares it with the cloud.

It knows nothing of hclake but the names of its variables: calls, parameters, fixed values and spans of time are those of
the SDK's documentation. Each list is read to its end, for each fixed value and each parent, back to where its records
begin or the service forgets.

Environment: what `hclake emulator` prints, of which the SDK itself takes the keys and the project of IAM; and NOW, the
time of the cloud's newest records, in seconds since 1970.

Prints a line of JSON for each table: its name, and `keys` or, where a record has no key, `count`. A key follows the fixed
value and the parent that it was asked for with.

The SDK is not asked as its documentation says in these:
- `app_connections`: the SDK writes a `datetime` as 2026-11-20T18:00:00+00:00. The service wants 2026-11-20T18:00:00Z, so a
  text is given, which the SDK sends as it is.
- `deploy_records`: a task that is identified by `task_id` alone has no `id` to ask with, and the emulated cloud knows no
  executions of it.
- `swr_artifacts`: the documented first marker is 1. The first page is asked for without a marker.
"""

import importlib
import json
import os
from datetime import datetime, timedelta, timezone

from huaweicloudsdkcodeartsbuild.v3 import CodeArtsBuildClient
from huaweicloudsdkcodeartsdeploy.v2 import CodeArtsDeployClient
from huaweicloudsdkcodeartspipeline.v2 import CodeArtsPipelineClient
from huaweicloudsdkcts.v3 import CtsClient
from huaweicloudsdkims.v2 import ImsClient
from huaweicloudsdkprojectman.v4 import ProjectManClient
from huaweicloudsdkswr.v2 import SwrClient
from huaweicloudsdkworkspace.v2 import WorkspaceClient
from huaweicloudsdkworkspaceapp.v1 import WorkspaceAppClient

# Few records on a page, so that a list has many pages.
SIZE = 10
NOW = datetime.fromtimestamp(int(os.environ["NOW"]), timezone.utc)
ENDPOINT = os.environ["HCLAKE_ENDPOINT_URL"]
CODEARTS = os.environ["HCLAKE_CODEARTS_PROJECTS"]
# The zone of CodeArts' times.
CHINA = timezone(timedelta(hours=8))
DAY, MINUTE, SECOND = timedelta(days=1), timedelta(minutes=1), timedelta(seconds=1)
MILLISECOND = timedelta(milliseconds=1)
# Records of windows are no older than this, where the service does not forget them earlier.
OLDEST = 120 * DAY
# How CodeArts Deploy counts its pages.
DEPLOY = {"position": "page", "size": "size", "first": 1, "step": 1}
CLIENTS = {}


def ask(client, call, body=None, **given):
    """The answer to one call. The members of the request, and of its body, are named as the SDK names them."""
    if client not in CLIENTS:
        CLIENTS[client] = client.new_builder().with_endpoints([ENDPOINT]).build()
    models = importlib.import_module(client.__module__.rpartition(".")[0])
    request = getattr(models, call.title().replace("_", "") + "Request")
    if body is not None:
        given["body"] = getattr(models, request.openapi_types["body"])(**body)
    return getattr(CLIENTS[client], call)(request(**given))


def at(answer, path):
    for name in path.split("."):
        answer = getattr(answer, name)
    return answer


def counted(client, call, items, position="offset", size="limit", first=0, step=SIZE, body=None, in_body=False, **given):
    """All records of a list whose pages are counted: by records, or by pages where `step` is 1."""
    place = first
    while True:
        page = {position: place, size: SIZE}
        if in_body:
            answer = ask(client, call, body | page, **given)
        else:
            answer = ask(client, call, body, **page, **given)
        records = at(answer, items)
        yield from records
        if len(records) < SIZE:
            return
        place += step


def marked(client, call, items, name, marker, **given):
    """All records of a list where each answer has the marker of the next page."""
    behind = {}
    while True:
        answer = ask(client, call, limit=SIZE, **behind, **given)
        yield from at(answer, items)
        if at(answer, marker) is None:
            return
        behind = {name: at(answer, marker)}


def spans(written, unit, width, back=OLDEST, zone=timezone.utc):
    """Spans of time up to now, one after the other. Both ends of a span belong to it, as times of this unit."""
    begin = (NOW - back).astimezone(zone)
    while begin <= NOW:
        end = min(begin + width, NOW.astimezone(zone))
        yield begin.strftime(written), end.strftime(written)
        begin = end + unit


def report(table, records):
    print(json.dumps({"table": table, "keys": ["|".join(map(str, record)) for record in records]}))


def report_count(table, records):
    print(json.dumps({"table": table, "count": sum(1 for _ in records)}))


def keyed(table, records, key="id"):
    report(table, ((getattr(record, key),) for record in records))


def simple(table, client, call, items="items", key="id", **given):
    keyed(table, counted(client, call, items, **given), key)


def of_each(table, client, call, values, items="items"):
    """One list for each type of job."""
    report(table, ((value, r.id) for value in values for r in counted(client, call, items, job_type=value)))


def deploy_tasks():
    return counted(CodeArtsDeployClient, "list_deploy_tasks", "result", project_id=CODEARTS, **DEPLOY)


def core():
    simple("app_install_jobs", WorkspaceClient, "list_jobs")
    simple("apps", WorkspaceClient, "list_apps")
    given = {"body": {"project_id": CODEARTS}, "in_body": True}
    simple("deploy_apps", CodeArtsDeployClient, "list_all_app", "result", **DEPLOY, **given)
    report("deploy_tasks", ((task.id or task.task_id,) for task in deploy_tasks()))
    of_each("image_jobs", WorkspaceAppClient, "list_image_jobs", IMAGE_JOBS)
    simple("swr_instance_jobs", SwrClient, "list_instance_jobs", "jobs")


def delivery():
    jobs = list(counted(CodeArtsBuildClient, "list_job", "result.job_list", "page_index", "page_size", step=1))
    keyed("build_jobs", jobs)
    times = list(spans("%Y-%m-%d %H:%M:%S", SECOND, 90 * DAY, zone=CHINA))

    def runs(job, begin, end):
        given = {"build_project_id": job, "from_date": begin, "to_date": end}
        return counted(CodeArtsBuildClient, "list_records", "result.data", "page", step=1, **given)

    projects = sorted({job.build_project_id for job in jobs})
    report("build_records", ((job, run.id) for job in projects for span in times for run in runs(job, *span)))

    def executions(task, begin, end):
        given = {"project_id": CODEARTS, "id": task, "start_date": begin, "end_date": end}
        return counted(CodeArtsDeployClient, "list_deploy_task_history_by_date", "result", **DEPLOY, **given)

    ids = [task.id for task in deploy_tasks() if task.id]
    days = list(spans("%Y-%m-%d", DAY, 29 * DAY, zone=CHINA))
    report("deploy_records", ((id, e.execution_id) for id in ids for span in days for e in executions(id, *span)))

    by_time = {"sort_key": "create_time", "sort_dir": "asc"}
    given = {"project_id": CODEARTS, "body": by_time, "in_body": True}
    pipelines = list(counted(CodeArtsPipelineClient, "list_pipelines", "pipelines", **given))
    keyed("pipelines", pipelines, "pipeline_id")

    def pipeline_runs(pipeline, begin, end):
        body = {"sort_key": "start_time", "sort_dir": "asc", "start_time": begin, "end_time": end}
        given = {"project_id": CODEARTS, "pipeline_id": pipeline, "body": body, "in_body": True}
        return counted(CodeArtsPipelineClient, "list_pipeline_runs", "pipeline_runs", **given)

    ids = [pipeline.pipeline_id for pipeline in pipelines]
    found = ((id, run.pipeline_run_id) for id in ids for span in times for run in pipeline_runs(id, *span))
    report("pipeline_runs", found)


def desktops():
    simple("desktops", WorkspaceClient, "list_desktops", "desktops", "desktop_id")
    by_time = {"sort_field": "created", "sort_type": "ASC"}
    simple("desktop_details", WorkspaceClient, "list_desktops_detail", "desktops", "desktop_id", **by_time)
    simple("desktop_pools", WorkspaceClient, "list_desktop_pools", "desktop_pools")
    simple("desktop_users", WorkspaceClient, "list_users", "users")
    simple("user_groups", WorkspaceClient, "list_user_groups", "user_groups")
    simple("script_records", WorkspaceClient, "list_script_records", "script_records")
    of_each("workspace_sub_jobs", WorkspaceClient, "list_ita_sub_jobs", DESKTOP_JOBS, "jobs")

    def within(call, items, begin, end):
        return counted(WorkspaceClient, call, items, start_time=begin, end_time=end)

    # The records have no time: their figures are those of the span. So one day is asked for.
    day = ((NOW - DAY).strftime("%Y-%m-%dT00:00:00Z"), (NOW - DAY).strftime("%Y-%m-%dT23:59:59Z"))
    keyed("desktop_usage", within("list_desktop_usage_metric", "items", *day), "resource_id")
    report_count("user_usage", within("list_user_usage_metric", "items", *day))
    minutes = spans("%Y-%m-%dT%H:%MZ", MINUTE, 10 * DAY)
    logins = (record for span in minutes for record in within("list_login_records_new", "records", *span))
    report_count("login_records", logins)
    month = spans("%Y-%m-%dT%H:%M:%SZ", SECOND, 29 * DAY, back=30 * DAY)
    events = (record for span in month for record in within("list_user_events", "items", *span))
    report_count("user_events", events)


def streaming():
    def authorizations(app):
        return counted(WorkspaceClient, "list_app_authorizations", "items", app_id=app)

    apps = [app.id for app in counted(WorkspaceClient, "list_apps", "items")]
    report_count("app_authorizations", (record for app in apps for record in authorizations(app)))
    simple("app_restricted_rules", WorkspaceClient, "list_restricted_rule")
    simple("app_server_groups", WorkspaceAppClient, "list_server_groups")
    simple("app_servers", WorkspaceAppClient, "list_servers")
    simple("image_servers", WorkspaceAppClient, "list_image_servers")
    of_each("app_server_sub_jobs", WorkspaceAppClient, "list_sub_jobs", SERVER_JOBS)
    of_each("image_sub_jobs", WorkspaceAppClient, "list_image_sub_jobs", IMAGE_JOBS)

    def uses(begin, end):
        body = {"brokering_start_time": begin, "brokering_end_time": end}
        return counted(WorkspaceAppClient, "list_app_connection", "items", body=body)

    month = spans("%Y-%m-%dT%H:%M:%SZ", SECOND, 29 * DAY, back=30 * DAY)
    keyed("app_connections", (use for span in month for use in uses(*span)))

    def sessions(begin, end):
        given = {"query_begin_time": begin, "query_end_time": end}
        return counted(WorkspaceAppClient, "list_sessions", "items", **given)

    times = spans("%Y-%m-%dT%H:%M:%S.000Z", MILLISECOND, 29 * DAY)
    keyed("app_sessions", (session for span in times for session in sessions(*span)))


def registry():
    instances = list(counted(SwrClient, "list_instance", "instances"))
    keyed("swr_instances", instances)
    given = {"client": SwrClient, "name": "marker"}
    repositories = marked(
        call="list_all_instance_repositories", items="repositories", marker="page_info.next_marker", **given
    )
    report("swr_repositories", ((repository.instance_id, repository.id) for repository in repositories))

    def artifacts(instance):
        call = "list_instance_all_artifacts"
        return marked(call=call, items="artifacts", marker="next_marker", instance_id=instance, **given)

    ids = [instance.id for instance in instances]
    report("swr_artifacts", ((id, artifact.id) for id in ids for artifact in artifacts(id)))


def images():
    """The last image of a page leads to the next page."""
    given = {"enterprise_project_id": "all_granted_eps", "sort_key": "created_at", "sort_dir": "asc"}
    while True:
        records = ask(ImsClient, "list_images", limit=SIZE, **given).images
        yield from records
        if len(records) < SIZE:
            return
        given["marker"] = records[-1].id


def platform():
    projects = {"query_type": "domain_projects"}
    simple("codearts_projects", ProjectManClient, "list_projects_v4", "projects", "project_id", **projects)
    keyed("ims_images", images())
    begin, end = (int(moment.timestamp() * 1000) for moment in (NOW - 7 * DAY, NOW))
    given = {"trace_type": "system", "_from": begin, "to": end}
    keyed("cts_traces", marked(CtsClient, "list_traces", "traces", "next", "meta_data.marker", **given), "trace_id")


IMAGE_JOBS = ["CREATE_SERVER", "CREATE_SERVER_IMAGE", "DELETE_SERVER"]
SERVER_JOBS = [
    *["CREATE_SERVER", "DELETE_SERVER", "REJOIN_DOMAIN", "CHANGE_SERVER_IMAGE", "REINSTALL_OS", "MIGRATE_SERVER"],
    *["UPDATE_SERVER_TSVI", "UPGRADE_ACCESS_AGENT", "SCHEDULED_TASK", "UPDATE_FREEZE_STATUS"],
]
DESKTOP_JOBS = [
    *["createDesktops", "applyWorkspace", "cancelWorkspace", "expandVolumes", "addVolumes", "rebuildDesktops"],
    *["createSnapshot", "deleteSnapshot", "deleteDesktops", "desktopRejoinDomain", "operateDesktops"],
    *["restoreDesktopBySnapshot", "desktopToImage", "attachDesktops", "deleteVolumes", "createWksSnapshot"],
    *["deleteWksSnapshot", "createDesktopPool", "expandDesktopPool", "deleteDesktopPoolVolumes", "rebuildDesktopPool"],
    *["addDesktopPoolVolumes", "detachDesktops", "attachDesktopPool", "batchDetachDesktops", "executeDesktopsAction"],
    *["changeDesktopNetwork", "batchChangeDesktopNetwork"],
]

for lists in [core, delivery, desktops, streaming, registry, platform]:
    lists()
