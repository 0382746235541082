"""Reads metrics from standard input as a scraper of OpenMetrics does, and the file named as an argument as the older text
format is read; prints what each has of every family, as JSON."""

import json
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as text_format


def families(parse, text):
    return {
        family.name: [[sample.name, dict(sample.labels), sample.value] for sample in family.samples]
        for family in parse(text)
    }


with open(sys.argv[1], encoding="utf-8") as file:
    older = file.read()
print(json.dumps({"openmetrics": families(openmetrics, sys.stdin.read()), "text": families(text_format, older)}))
