"""The OpenAPI document, and what a machine makes of it: requests nobody thought of."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from django.urls import URLPattern
from hypothesis import HealthCheck, Phase, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    missing_required_header,
    negative_data_rejection,
    positive_data_acceptance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from gateway import urls
from gateway.application import ROUTES
from gateway.openapi import document
from tests.live import LiveServer, live_server
from tests.processes import start_fake_provider

CHECKS = [
    status_code_conformance, content_type_conformance,
    response_headers_conformance, response_schema_conformance, positive_data_acceptance,
    missing_required_header, unsupported_method, allow_header_conformance,
    negative_data_rejection,
]  # fmt: skip
# The keys in the settings of the chat's client are of its contract.
CLIENT_ROUTES = {"/api/api-keys", "/api/api-keys/{id}"}
schema = schemathesis.openapi.from_dict(document("test"))


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    with start_fake_provider() as fake:
        env = {
            "OPENAI_API_KEY": "sk-upstream", "OPENAI_REVERSE_PROXY": f"{fake}/v1",
            "OPENAI_MODELS": "m,0", "LOG_LEVEL": "error",
        }  # fmt: skip
        with live_server(env=env) as running:
            command = ("create_user", "root@example.com", "--superuser", "--password-stdin")
            running.manage(*command, stdin="correct horse battery")
            yield running


@pytest.fixture(scope="module")
def tokens(server: LiveServer) -> dict[str, str]:
    """By the first part of the path."""
    key = server.manage("create_api_key", "root@example.com", "--quiet").strip().splitlines()[-1]
    return {"v1": key, "api": server.sign_in("root@example.com", "correct horse battery")}


@schema.parametrize()
@settings(
    max_examples=15, deadline=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck), derandomize=True,
)  # fmt: skip
def test_every_request_gets_an_answer_the_document_knows(
    case: Any, server: LiveServer, tokens: dict[str, str]
) -> None:
    if isinstance(case.body, dict) and case.meta.generation.mode == GenerationMode.POSITIVE:
        _make_sensible(case.body, case.path)
    headers = {"authorization": f"Bearer {tokens[case.path.split('/')[1]]}"}
    response = case.call(base_url=server.base_url, headers=headers)
    assert response.status_code != 500, response.text
    case.validate_response(response, checks=CHECKS)


def _make_sensible(body: dict[str, Any], path: str) -> None:
    """What no schema can tell: which models there are, what a network or an address is."""
    if path.startswith("/v1/"):
        body["model"] = "m"
        body.pop("provider", None)
        _make_parts_texts(body)
    if path == "/v1/responses" and isinstance(body["input"], list):
        body["input"] = [{"role": "user", "content": "Hi"}]
    if path == "/api/user/register":
        body |= {"username": "grace", "email": "grace@example.com", "password": "correct horse"}
        body.pop("display_name", None)
    if "allow_ips" in body:
        body["allow_ips"] = "10.0.0.0/8"
    if "base_url" in body:
        body["base_url"] = "https://api.example.com/v1"


def _make_parts_texts(body: dict[str, Any]) -> None:
    """What else a part, a tool or an item may be, each provider says for itself."""
    told = [message.get("content") for message in body.get("messages") or []]
    told += [body.get("system"), body.get("input")]
    for part in (part for parts in told if isinstance(parts, list) for part in parts):
        if isinstance(part, dict):
            part |= {"type": "text", "text": "Hi"}
    for tool in body.get("tools") or []:
        tool |= {"type": "function", "function": {"name": "f"}}


def test_every_route_is_described(server: LiveServer) -> None:
    shown = httpx.get(f"{server.base_url}/v1/openapi.json").json()
    described = {path for path, methods in shown["paths"].items() if path.startswith("/v1")}
    routes = {path for views in ROUTES.values() for path in views}
    assert described == routes | {"/v1/models/{id}"}


def test_every_route_of_the_console_is_described() -> None:
    routes = {_path_of(each) for each in urls.urlpatterns} - CLIENT_ROUTES
    assert {path for path in document("test")["paths"] if path.startswith("/api")} == routes


def _path_of(pattern: URLPattern) -> str:
    return "/api/" + re.sub("<[^>]+>", "{id}", str(pattern.pattern))
