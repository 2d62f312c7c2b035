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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bson.json_util import JSONMode

from tests.live import LiveServer, free_port, live_server
from tests.moving.commands import env_file
from tests.moving.dumps import write_dump, write_export, write_kept
from tests.moving.librechat_database import OldDatabase
from tests.processes import start_fake_provider

HERE = Path(__file__).resolve().parent
NODE_MAJOR = 20
NO_NODE = 77
TEST_TIMEOUT_MS = 300_000  # Node counts a whole file as one test
ADMIN_EMAIL = "admin@example.com"
ADMIN_PASSWORD = "correct horse battery"

# Runs against a server of its own, where each person has a thousand credits and sees costs.
MONEY = "money.test.mjs"
_SET_PRICES = """
from datetime import UTC, datetime
from usage.models import BillingRules, Price
Price.objects.create(
    model="gpt-4.1", valid_from=datetime(2020, 1, 1, tzinfo=UTC),
    input_credits=1_000_000, output_credits=1_000_000,
)
BillingRules.objects.create(
    has_balances=True, start_credits=1000, shows_cost=True, reserved_output_tokens=16
)
"""


def main(arguments: list[str]) -> int:
    if problem := _node_problem():
        sys.stderr.write(f"\n*** CONTRACT TESTS SKIPPED: {problem} ***\n\n")
        return NO_NODE
    _install()
    files = arguments or _all_files()
    others = [name for name in files if Path(name).name != MONEY]
    done = _run_others(others) if others else 0
    return (_run_money() if others != files else 0) or done


def _run_money() -> int:
    with start_fake_provider() as provider, live_server(env=_models(provider)) as server:
        server.manage("shell", "-c", _SET_PRICES)
        return _run_node([MONEY], server=server, provider=provider, issuer="")


def _run_others(files: list[str]) -> int:
    port = free_port()
    with (
        start_fake_provider() as provider,
        _start_issuer(f"http://127.0.0.1:{port}") as issuer,
        live_server(env=_environment(provider, issuer, port), port=port) as server,
    ):
        server.create_user(ADMIN_EMAIL, ADMIN_PASSWORD, role="ADMIN")
        _move_in(server)
        done = _run_node(files, server=server, provider=provider, issuer=issuer)
        if done and (tail := server.log()[-4000:]):
            sys.stderr.write(f"\nEnd of the server's log:\n{tail}\n")
    return done


def _move_in(server: LiveServer) -> None:
    """People, chats and files of an old server; ``moving.test.mjs`` looks for them."""
    directory = server.data_dir / "old"
    old = OldDatabase(conversations=12, length=6, with_hazards=False)
    dump, files = write_dump(directory / "dump", old), write_kept(directory, old)
    env = env_file(directory)
    # Without its roles, by which some people here could do less than other tests expect.
    collections = "users,chatprojects,conversationtags,files,presets,conversations,messages"
    options = ["--env", str(env), "--files", str(files), "--only", collections]
    server.manage("import_librechat", str(dump), *options)
    write_export(directory / "export", old, mode=JSONMode.RELAXED, as_array=True)


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


@contextmanager
def _start_issuer(server: str) -> Iterator[str]:
    """The address of an OpenID provider that knows the server at ``server``."""
    port = free_port()
    callback, logout = f"{server}/oauth/openid/callback", f"{server}/login"
    process = subprocess.Popen(
        ["node", "lib/issuer.mjs", str(port), callback, logout],
        cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline(), "the OpenID provider does not start"
        yield f"http://localhost:{port}"
    finally:
        process.terminate()
        process.wait(timeout=10)


def _models(provider: str) -> dict[str, str]:
    return {
        "OPENAI_API_KEY": "sk-test",
        "OPENAI_REVERSE_PROXY": f"{provider}/v1",
        "OPENAI_MODELS": "gpt-4.1,gpt-4.1-mini",
        "ANTHROPIC_API_KEY": "sk-ant-test",
        "ANTHROPIC_REVERSE_PROXY": provider,
        "ANTHROPIC_MODELS": "claude-sonnet-4-5",
        "GOOGLE_KEY": "google-test",
        "GOOGLE_REVERSE_PROXY": provider,
        "GOOGLE_MODELS": "gemini-3-pro-preview",
        "DEMO_PROVIDER": "true",
        "WORKERS": os.environ.get("WORKERS", ""),
    }


def _environment(provider: str, issuer: str, port: int) -> dict[str, str]:
    own = f"http://127.0.0.1:{port}"
    return {
        "DOMAIN_CLIENT": own,
        "DOMAIN_SERVER": own,
        "ALLOW_SOCIAL_LOGIN": "true",
        "ALLOW_SOCIAL_REGISTRATION": "true",
        "OPENID_ISSUER": issuer,
        "OPENID_CLIENT_ID": "chat",
        "OPENID_CLIENT_SECRET": "a secret of the client",
        "OPENID_USE_END_SESSION_ENDPOINT": "true",
        **_models(provider),
        # Links that would be mailed are in the log, where the tests read them.
        "ALLOW_PASSWORD_RESET": "true",
        "RESET_PASSWORD_MAX": "1000",
        "RESET_PASSWORD_SUBMISSION_MAX": "1000",
        "VERIFY_EMAIL_MAX": "1000",
        "VERIFY_EMAIL_SUBMISSION_MAX": "1000",
    }


def _all_files() -> list[str]:
    return sorted(path.name for path in HERE.glob("*.test.mjs"))


def _run_node(files: list[str], *, server: LiveServer, provider: str, issuer: str) -> int:
    command = ["node", "--test", f"--test-timeout={TEST_TIMEOUT_MS}", *files]
    environment = {
        **os.environ,
        "CONTRACT_BASE_URL": server.base_url,
        "CONTRACT_SERVER_LOG": str(server.log_path),
        "CONTRACT_PROVIDER_URL": provider,
        "CONTRACT_OLD": str(server.data_dir / "old"),
        "CONTRACT_ISSUER": issuer,
        "CONTRACT_ADMIN_EMAIL": ADMIN_EMAIL,
        "CONTRACT_ADMIN_PASSWORD": ADMIN_PASSWORD,
    }
    return subprocess.run(command, cwd=HERE, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
