"""Answers of the admin API, held against its description."""

from functools import lru_cache
from typing import Any

from django.urls import Resolver404, resolve

from librechat_backend.lib import json
from librechat_backend.lib.json import JSONDict
from presets.api.schema import openapi


def checked(answer: Any) -> Any:
    """The body of ``answer``, which has exactly the documented shape."""
    body = json.loads(answer.content)
    request = answer.wsgi_request
    operation = openapi()["paths"][template_of(request.path)][request.method.lower()]
    documented = operation["responses"][str(answer.status_code)]["content"]["application/json"]
    problems = list(differences(body, documented["schema"], "answer"))
    assert problems == []
    return body


@lru_cache
def template_of(path: str) -> str:
    """The documented path of a real one."""
    try:
        route = resolve(path).route
    except Resolver404:
        raise AssertionError(f"{path} is no path of the API") from None
    return "/" + route.replace("<str:", "{").replace(">", "}")


def differences(value: Any, schema: JSONDict, where: str) -> Any:
    schemas = openapi()["components"]["schemas"]
    for part in [schema] if "$ref" in schema else schema.get("allOf", []):
        schema = schemas[part["$ref"].rpartition("/")[2]]
    if value is None:
        return
    if isinstance(value, dict) and "properties" in schema:
        properties = schema["properties"]
        yield from (f"{where}.{name} is undocumented" for name in value.keys() - properties.keys())
        yield from (f"{where}.{n} is missing" for n in set(schema.get("required", ())) - set(value))
        for name in value.keys() & properties.keys():
            yield from differences(value[name], properties[name], f"{where}.{name}")
    elif schema.get("type") == "array":
        if not isinstance(value, list):
            yield f"{where} is no list"
        else:
            for number, each in enumerate(value):
                yield from differences(each, schema["items"], f"{where}[{number}]")
    else:
        types: dict[str, Any] = {
            "string": str, "integer": int, "number": int | float, "boolean": bool, "object": dict,
        }  # fmt: skip
        expected = types.get(schema.get("type", ""))
        if expected and not isinstance(value, expected):
            yield f"{where} is {value!r}, no {schema['type']}"
