"""Failure rates of installs across many exporters, asked of an engine that spreads over workers.

Usage: failure_rates.py LAKE WORKERS

LAKE holds the tables that `hclake publish delta --to LAKE` keeps. The engine is Sail, which speaks Spark's protocol; the
statements are Spark's and run there unchanged. It prints a line of JSON for each question: how long it took, and what
its answer adds up to.
"""

import json
import os
import sys
import time

lake, workers = sys.argv[1], int(sys.argv[2])
os.environ.update(
    SAIL_MODE="local-cluster",
    SAIL_CLUSTER__WORKER_INITIAL_COUNT=str(workers),
    SAIL_CLUSTER__WORKER_MAX_COUNT=str(workers),
    SAIL_CLUSTER__WORKER_TASK_SLOTS="8",
    SAIL_EXECUTION__DEFAULT_PARALLELISM=str(workers),
    TZ="UTC",
)

from pysail.spark import SparkConnectServer  # noqa: E402
from pyspark.sql import SparkSession  # noqa: E402

RATES = """
    SELECT app_name, date_trunc('week', create_time) AS week,
           count(*) AS finished, count_if(job_status = 'FAIL') AS failed
    FROM delta.`{lake}/app_install_jobs_current`
    WHERE job_status IN ('SUCCESS', 'FAIL')
    GROUP BY 1, 2
"""

# The newest change of each job up to an instant; a job that is gone by then is left out.
RATES_AS_OF = """
    SELECT count(*) AS finished, count_if(job_status = 'FAIL') AS failed
    FROM (
        SELECT exporter, _scope, id, max_by(_change, _at) AS _change, max_by(job_status, _at) AS job_status
        FROM delta.`{lake}/app_install_jobs_changes`
        WHERE _at <= TIMESTAMP '{instant}'
        GROUP BY exporter, _scope, id
    )
    WHERE _change <> 'gone' AND job_status IN ('SUCCESS', 'FAIL')
"""

BY_EXPORTER = """
    SELECT exporter, count(*) AS finished, count_if(job_status = 'FAIL') AS failed
    FROM delta.`{lake}/app_install_jobs_current`
    WHERE job_status IN ('SUCCESS', 'FAIL') AND exporter = '{exporter}'
    GROUP BY 1
"""

server = SparkConnectServer(ip="127.0.0.1", port=0)
server.start(background=True)
host, port = server.listening_address
spark = SparkSession.builder.remote(f"sc://{host}:{port}").getOrCreate()
spark.conf.set("spark.sql.session.timeZone", "UTC")
first = spark.sql(f"SELECT min(exporter) AS e, min(_at) AS a, max(_at) AS b FROM delta.`{lake}/app_install_jobs_changes`")
exporter, oldest, newest = first.collect()[0]
middle = (oldest + (newest - oldest) / 2).strftime("%Y-%m-%d %H:%M:%S")


def ask(question, sql):
    started = time.monotonic()
    rows = spark.sql(sql.format(lake=lake, instant=middle, exporter=exporter)).collect()
    took_s = time.monotonic() - started
    total = {"finished": sum(row["finished"] for row in rows), "failed": sum(row["failed"] for row in rows)}
    print(json.dumps({"question": question, "workers": workers, "s": round(took_s, 2), "rows": len(rows), **total}), flush=True)


for question, sql in (("by app and week", RATES), ("as of an instant", RATES_AS_OF), ("of one exporter", BY_EXPORTER)):
    ask(question, sql)
spark.stop()
server.stop()
