"""Other gateways, installed from their registries into a scratch directory: never a dependency.

``BENCH_PEERS`` names a directory to install into once and use again.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.setup import wait_for
from tests.live import free_port

LITELLM = "litellm[proxy]"
PORTKEY = "@portkey-ai/gateway"
# With any later one it answers each stream with an error (Portkey-AI/gateway, issue 1389).
PORTKEY_WITH = {"@hono/node-server": "1.14.1"}
START_SECONDS = 180.0
LITELLM_KEY = "sk-benchmark-of-one-minute-7f3a9c51"


@dataclass(frozen=True)
class Peer:
    name: str
    port: int
    headers: dict[str, str] = field(default_factory=dict)


@contextmanager
def peers(upstream_port: int, models: str) -> Iterator[list[Peer]]:
    """Those that can be installed and started; what cannot is said and left out."""
    with ExitStack() as stack:
        directory = Path(
            os.environ.get("BENCH_PEERS") or stack.enter_context(tempfile.TemporaryDirectory())
        )
        found = []
        for start in (_litellm, _portkey):
            try:
                found.append(stack.enter_context(start(directory, upstream_port, models)))
            except (OSError, RuntimeError, subprocess.SubprocessError) as error:
                print(f"{start.__name__.strip('_')} is left out: {error}")  # noqa: T201
        yield found


@contextmanager
def _litellm(directory: Path, upstream_port: int, models: str) -> Iterator[Peer]:
    home = directory / "litellm"
    command = home / "bin" / "litellm"
    if not command.exists():
        _run(sys.executable, "-m", "venv", str(home))
        _run(str(home / "bin" / "pip"), "install", "--quiet", LITELLM)
    config = directory / "litellm.yaml"
    rows = [
        f"  - model_name: {model}\n    litellm_params:\n      model: openai/{model}\n"
        f"      api_base: http://127.0.0.1:{upstream_port}/v1\n      api_key: sk-x\n"
        for model in models.split(",")
    ]
    # It does not start without a key of its own.
    general = f"general_settings:\n  master_key: {LITELLM_KEY}\n"
    config.write_text("model_list:\n" + "".join(rows) + general)
    port = free_port()
    arguments = ["--config", str(config), "--port", str(port), "--num_workers", "1"]
    with _process([str(command), *arguments], port, directory):
        yield Peer("LiteLLM", port, {"authorization": f"Bearer {LITELLM_KEY}"})


@contextmanager
def _portkey(directory: Path, upstream_port: int, models: str) -> Iterator[Peer]:
    home = directory / "portkey-streaming"
    entry = home / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise RuntimeError("it needs Node")
    if not entry.exists():
        home.mkdir(parents=True, exist_ok=True)
        (home / "package.json").write_text(json.dumps({"overrides": PORTKEY_WITH}))
        _run(npm, "install", "--silent", "--prefix", str(home), PORTKEY)
    port = free_port()
    headers = {
        "x-portkey-provider": "openai", "authorization": "Bearer sk-x",
        "x-portkey-custom-host": f"http://127.0.0.1:{upstream_port}/v1",
    }  # fmt: skip
    with _process([node, str(entry), f"--port={port}", "--headless"], port, directory):
        yield Peer("Portkey", port, headers)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603


@contextmanager
def _process(command: list[str], port: int, directory: Path) -> Iterator[None]:
    log_path = directory / f"{Path(command[0]).name}.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=directory)  # noqa: S603
        try:
            wait_for(port, START_SECONDS)
            yield
        finally:
            process.terminate()
            process.wait()
