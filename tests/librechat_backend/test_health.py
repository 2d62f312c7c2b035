"""Liveness, readiness and the report."""

import json
import threading
from collections.abc import Iterator

import pytest
from django.core.cache.backends.dummy import DummyCache
from django.db import DatabaseError

from librechat_backend import health as health_module
from librechat_backend.health import READINESS, health
from tests.librechat_backend.asgi_client import ask


@pytest.fixture(autouse=True)
def not_ready() -> Iterator[None]:
    READINESS.ready = False
    yield
    READINESS.ready = False


@pytest.mark.parametrize("path", ["/health", "/livez", "/health/live"])
async def test_server_lives_before_it_is_ready(path: str) -> None:
    answer = await ask(health, path)
    assert (answer.status, answer.body) == (200, b"OK")


async def test_client_gets_plain_text() -> None:
    answer = await ask(health, "/health", accept="application/json, text/plain, */*")
    assert (answer.status, answer.body) == (200, b"OK")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("path", ["/readyz", "/health/ready"])
async def test_readiness_follows_the_lifespan(path: str) -> None:
    answer = await ask(health, path)
    assert (answer.status, answer.body) == (503, b"NOT_READY")
    READINESS.ready = True
    answer = await ask(health, path)
    assert (answer.status, answer.body) == (200, b"OK")


async def test_unknown_path_is_404() -> None:
    assert (await ask(health, "/health/else")).status == 404


@pytest.mark.parametrize(("query", "accept"), [("full=1", "*/*"), ("", "application/json")])
@pytest.mark.django_db(transaction=True)
async def test_report_is_ok_when_everything_works(query: str, accept: str) -> None:
    answer = await ask(health, "/health", query=query, accept=accept)
    assert answer.status == 200
    report = json.loads(answer.body)
    providers = report.pop("providers")
    assert report == {"status": "ok", "database": "ok", "cache": "ok"}
    assert providers == {"demo": "configured"}


async def test_report_names_the_database_when_it_is_broken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken() -> None:
        raise DatabaseError("gone, with password=hunter2")

    monkeypatch.setattr(health_module, "_check_database", broken)
    answer = await ask(health, "/health", query="full=1")
    assert answer.status == 503
    report = {"status": "error", "database": "error", "cache": "ok", "providers": {}}
    assert json.loads(answer.body) == report


@pytest.mark.django_db(transaction=True)
async def test_report_names_the_cache_when_it_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    forgetful = DummyCache("", {})
    monkeypatch.setattr(health_module, "cache", forgetful)
    answer = await ask(health, "/health", query="full=1")
    assert answer.status == 503
    report = json.loads(answer.body)
    assert (report["status"], report["database"], report["cache"]) == ("error", "ok", "error")


async def test_report_comes_in_time_when_the_database_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    release = threading.Event()

    def hanging() -> None:
        release.wait(timeout=10)

    monkeypatch.setattr(health_module, "CHECK_TIMEOUT_SECONDS", 0.05)
    monkeypatch.setattr(health_module, "_check_database", hanging)
    try:
        answer = await ask(health, "/health", query="full=1")
    finally:
        release.set()
    assert answer.status == 503
    assert json.loads(answer.body)["database"] == "error"
