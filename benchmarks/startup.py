"""From the command to the first answer, and what an idle process holds."""

import time

from benchmarks.report import Row, at_most, median
from benchmarks.setup import memory_bytes
from tests.live import LiveServer


def run(*, smoke: bool) -> list[Row]:
    seconds, memory = [], []
    server = LiveServer(env={"LOG_LEVEL": "warning"})
    try:
        server.migrate_quickly()
        for _ in range(1 if smoke else 5):
            begin = time.perf_counter()
            server.start()
            seconds.append(time.perf_counter() - begin)
            memory.append(memory_bytes(server) / 1e6)
            server.stop()
    finally:
        server.close()
    return [
        at_most("second start to the first answer", median(seconds), 3, "s"),
        at_most("resident memory of an idle process", median(memory), 150, "MB"),
    ]
