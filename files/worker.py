"""The process that opens what strangers uploaded.

``python -m files.worker JOB SOURCE TARGET OPTIONS``; OPTIONS are a JSON object.

Without Django, settings, secrets or database, and within limits of memory and time: a file that
breaks a parser breaks this process and nothing else. Prints one JSON object; what it made is in
TARGET. ``{"problem": text}`` is for the person who uploaded.
"""

import json
import resource
import sys
from collections.abc import Callable
from pathlib import Path

from files.problems import Options, Problem

MEMORY_BYTES = 2 * 1024**3
OUTPUT_BYTES = 256 * 1024**2
OPEN_FILES = 64


def limit_resources(cpu_seconds: int) -> None:
    for limit, value in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, OUTPUT_BYTES),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (value, value))


def _jobs() -> dict[str, Callable[[Path, Path, Options], Options]]:
    from files import pictures, texts

    return {
        "picture": pictures.convert,
        "avatar": pictures.make_avatar,
        "inspect": texts.inspect,
        "text": texts.extract,
    }


def main(job: str, source: str, target: str, options: str) -> None:
    chosen: Options = json.loads(options)
    limit_resources(chosen["cpu_seconds"])
    try:
        answer = _jobs()[job](Path(source), Path(target), chosen)
    except Problem as problem:
        answer = {"problem": str(problem)}
    except MemoryError:
        answer = {"problem": "It needs too much memory to be opened."}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
