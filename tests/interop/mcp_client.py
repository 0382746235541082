"""Asks `hclake mcp` by the official client of the Model Context Protocol, and compares its answers with the store's.

Usage: mcp_client.py HCLAKE STORE
"""

import asyncio
import json
import re
import sys

import duckdb
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

TOOLS = ["describe_table", "list_reports", "list_tables", "query", "run_report"]


async def answer(session, tool, **arguments):
    result = await session.call_tool(tool, arguments)
    text = result.content[0].text
    if result.is_error:
        sys.exit(f"{tool} {arguments}: {text}")
    return json.loads(text)


def hold(what, found, wanted):
    if found != wanted:
        sys.exit(f"{what}: {found} is not {wanted}")


async def main(program, store):
    connection = duckdb.connect(store, read_only=True)
    count = lambda table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    server = StdioServerParameters(command=program, args=["--store", store, "mcp"])
    async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
        greeting = await session.initialize()
        hold("the server", greeting.server_info.name, "hclake")
        tools = (await session.list_tools()).tools
        hold("tools", sorted(tool.name for tool in tools), TOOLS)
        hold("hints", [tool.name for tool in tools if not tool.annotations.read_only_hint], [])
        tables = (await answer(session, "list_tables"))["tables"]
        for table in tables:
            hold(table["table"], table["rows"], count(table["table"]))
            columns = (await answer(session, "describe_table", table=table["table"]))["columns"]
            described = connection.execute(f"DESCRIBE {table['table']}").fetchall()
            hold(table["table"], [(c["name"], c["type"]) for c in columns], [(row[0], row[1]) for row in described])
        (app,) = connection.execute("SELECT id FROM apps ORDER BY id LIMIT 1").fetchone()
        reports = (await answer(session, "list_reports"))["reports"]
        answered = 0
        for report in reports:
            for by in report["groupings"] or [None]:
                by = {"by": by} if by else {}
                about = {"object": {"table": "apps", "id": app}, "what_changed": {"table": "apps"}}.get(report["name"], {})
                asked = await session.call_tool("run_report", {"name": report["name"], "parameters": about, **by})
                text = asked.content[0].text
                missing = re.search(r"is not available: the store has no tables? ([\w, ]+)", text) if asked.is_error else None
                if asked.is_error and (not missing or set(missing[1].split(", ")) <= {table["table"] for table in tables}):
                    sys.exit(f"{report['name']} {by}: {text}")
                answered += not asked.is_error
        rows = (await answer(session, "query", sql="SELECT id FROM apps ORDER BY id", limit=1000))["rows"]
        ids = [id for (id,) in connection.execute("SELECT id FROM apps ORDER BY id LIMIT 1000").fetchall()]
        hold("ids", [row["id"] for row in rows], ids)
        hold("some report answers", answered > 0, True)
        refused = await session.call_tool("query", {"sql": "DELETE FROM apps"})
        hold("a statement that writes", refused.is_error, True)
        print(f"{len(tables)} tables, {answered} answers of {len(reports)} reports, {len(ids)} rows: as the store has them")


asyncio.run(main(*sys.argv[1:]))
