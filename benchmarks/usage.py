"""The dashboard of the administration over a log of a million requests."""

import os
import subprocess
import sys
import time

from benchmarks.report import Row, at_most, figure, median
from benchmarks.setup import PASSWORD, ROOT
from tests.live import LiveServer

REQUESTS, SMOKE_REQUESTS = 1_000_000, 2_000
PAGES = {"30 days": "", "90 days": "?range=90d", "90 days, one group": "?range=90d&group=1"}
RUNS = 10
# In a process of its own, as the server would: the page is made, nothing is sent.
_TIME_PAGES = """
import time
from django.test import Client
from accounts.models import User
client = Client()
client.force_login(User.objects.get(email="dashboard@example.com"))
for path in {pages!r}:
    client.get("/admin/usage/usagedaily/" + path)
    for _ in range({runs}):
        begin = time.perf_counter()
        assert client.get("/admin/usage/usagedaily/" + path).status_code == 200
        print("took", path, time.perf_counter() - begin)
"""


def run(*, smoke: bool, **env: str) -> list[Row]:
    count = SMOKE_REQUESTS if smoke else REQUESTS
    server = LiveServer(env=env)
    try:
        server.migrate_quickly()
        server.manage("create_user", "dashboard@example.com", "--superuser", "--password-stdin",
                      stdin=PASSWORD)  # fmt: skip
        command = [sys.executable, "-m", "benchmarks.requests", str(count)]
        subprocess.run(command, cwd=ROOT, env={**os.environ, **server.env}, check=True)  # noqa: S603
        begin = time.perf_counter()
        server.manage("rollup_usage")
        seconds = time.perf_counter() - begin
        return [figure("requests counted", f"{count / seconds:,.0f}/s"), *_pages(server, smoke)]
    finally:
        server.close()


def _pages(server: LiveServer, smoke: bool) -> list[Row]:
    runs = 2 if smoke else RUNS
    code = _TIME_PAGES.format(pages=list(PAGES.values()), runs=runs)
    told = [line.split(" ") for line in server.manage("shell", "-c", code).splitlines()]
    times = [(line[1], float(line[2])) for line in told if line[0] == "took"]
    return [
        at_most(
            f"dashboard, {title}", 1000 * median([t for p, t in times if p == path]), 1000, "ms"
        )
        for title, path in PAGES.items()
    ]
