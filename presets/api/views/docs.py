"""The description of the admin API: for programs, and as a page for people.

Both are open: they say what there is, not what is in it. The page loads nothing from elsewhere.
"""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.request import Request

from librechat_backend.lib.json import JSONDict
from librechat_backend.lib.rest import json_response
from presets.api.schema import openapi

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


@api_view(["GET", "HEAD"])
@authentication_classes([])
@permission_classes([])
def schema(request: Request) -> HttpResponse:
    return json_response(openapi())


@api_view(["GET", "HEAD"])
@authentication_classes([])
@permission_classes([])
def page(request: Request) -> HttpResponse:
    description = openapi()
    context = {
        "info": description["info"],
        "operations": operations_of(description),
        "shapes": [
            {"name": name, "members": members_of(shape), "text": shape.get("description", "")}
            for name, shape in sorted(description["components"]["schemas"].items())
            if "properties" in shape
        ],
    }
    response = render(request, "presets/api/docs.html", context)
    response["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response["X-Frame-Options"] = "DENY"
    return response


def operations_of(description: JSONDict) -> list[JSONDict]:
    """One entry for each path and method, in the order of the paths."""
    return [
        {
            "method": method.upper(),
            "path": path,
            "id": operation["operationId"],
            "summary": operation["summary"],
            "parameters": operation.get("parameters", ()),
            "body": shape_name(operation.get("requestBody")),
            "answers": [
                {"status": status, "shape": shape_name(answer)}
                for status, answer in operation["responses"].items()
            ],
        }
        for path, operations in description["paths"].items()
        for method, operation in operations.items()
    ]


def members_of(shape: JSONDict) -> list[JSONDict]:
    required = shape.get("required", ())
    return [
        {
            "name": name,
            "type": type_name(member),
            "is_required": name in required,
            "text": member.get("description", ""),
        }
        for name, member in shape["properties"].items()
    ]


def shape_name(carrier: Any) -> str:
    """The name of the JSON body of a request or an answer; empty: there is none."""
    media = (carrier or {}).get("content", {}).get("application/json", {})
    return type_name(media.get("schema", {}))


def type_name(schema: JSONDict) -> str:
    """``string``, ``Preset``, ``list of string``, …"""
    parts = [schema, *schema.get("allOf", ()), *schema.get("oneOf", ())]
    names = [each["$ref"].rpartition("/")[2] for each in parts if "$ref" in each]
    if names:
        return " or ".join(names)
    if schema.get("type") == "array":
        return f"list of {type_name(schema['items'])}"
    return str(schema.get("type", "")) or ("any" if schema else "")
