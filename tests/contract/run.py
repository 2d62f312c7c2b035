"""The published client library against a live server: ``python -m tests.contract.run [FILE …]``.

Needs Node 20 or newer; installs the locked packages when they are missing or stale. DATABASE_URL,
REDIS_URL and WORKERS are those of the server. Exit code 0: all passed; 77: no Node on this
machine, nothing was checked.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.live import live_server
from tests.processes import start_fake_provider

HERE = Path(__file__).resolve().parent
NODE_MAJOR = 20
NO_NODE = 77
TEST_TIMEOUT_MS = 60_000
ADMIN_EMAIL = "admin@example.com"
ADMIN_PASSWORD = "correct horse battery"


def main(arguments: list[str]) -> int:
    if problem := _node_problem():
        sys.stderr.write(f"\n*** CONTRACT TESTS SKIPPED: {problem} ***\n\n")
        return NO_NODE
    _install()
    with start_fake_provider() as provider, live_server(env=_environment(provider)) as server:
        server.create_user(ADMIN_EMAIL, ADMIN_PASSWORD, role="ADMIN")
        done = _run_node(arguments or _all_files(), base_url=server.base_url, provider=provider)
        if done and (tail := server.log()[-4000:]):
            sys.stderr.write(f"\nEnd of the server's log:\n{tail}\n")
    return done


def _node_problem() -> str:
    if not (shutil.which("node") and shutil.which("npm")):
        return "node and npm are not installed"
    version = subprocess.check_output(["node", "--version"], text=True).strip()
    if int(version.removeprefix("v").partition(".")[0]) < NODE_MAJOR:
        return f"node {version} is older than {NODE_MAJOR}"
    return ""


def _install() -> None:
    """``npm ci``, unless what is installed came from the lock file as it is now."""
    stamp = HERE / "node_modules" / ".lock-sha256"
    wanted = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=HERE, check=True)
    stamp.write_text(wanted)


def _environment(provider: str) -> dict[str, str]:
    return {
        "OPENAI_API_KEY": "sk-test",
        "OPENAI_REVERSE_PROXY": f"{provider}/v1",
        "OPENAI_MODELS": "gpt-4.1,gpt-4.1-mini",
        "DEMO_PROVIDER": "true",
        "WORKERS": os.environ.get("WORKERS", ""),
    }


def _all_files() -> list[str]:
    return sorted(path.name for path in HERE.glob("*.test.mjs"))


def _run_node(files: list[str], *, base_url: str, provider: str) -> int:
    command = ["node", "--test", f"--test-timeout={TEST_TIMEOUT_MS}", *files]
    environment = {
        **os.environ,
        "CONTRACT_BASE_URL": base_url,
        "CONTRACT_PROVIDER_URL": provider,
        "CONTRACT_ADMIN_EMAIL": ADMIN_EMAIL,
        "CONTRACT_ADMIN_PASSWORD": ADMIN_PASSWORD,
    }
    return subprocess.run(command, cwd=HERE, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
