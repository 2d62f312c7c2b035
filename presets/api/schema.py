"""The description of the admin API (OpenAPI 3), made of the views and their bodies."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.serializers import Serializer

from librechat_backend.lib.json import JSONDict
from presets.api import answers

PREFIX = "/api/admin/"
F = TypeVar("F", bound=Callable[..., Any])


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> JSONDict:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


def admin_operations(endpoints: Sequence[Any]) -> list[Any]:
    """What is described: the admin API alone. The client's routes are not ours to define."""
    return [endpoint for endpoint in endpoints if endpoint[0].startswith(PREFIX)]


@lru_cache(maxsize=1)
def openapi() -> JSONDict:
    schema: JSONDict = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return schema


def operation(
    name: str,
    summary: str,
    *,
    answer: type[Serializer[Any]],
    body: type[Serializer[Any]] | None = None,
    status: int = 200,
    parameters: Sequence[OpenApiParameter] = (),
    can_conflict: bool = False,
) -> Callable[[F], F]:
    """Describes a method of a view."""
    refusals = {403: answers.Refusal, 404: answers.Refusal}
    if body is not None or parameters:
        refusals[400] = answers.Refusal
    if can_conflict:
        refusals[409] = answers.Refusal
    return extend_schema(
        operation_id=name,
        summary=summary,
        description=f"{summary}.",  # else it would be the view's docstring
        request=body,
        parameters=list(parameters),
        responses={status: answer, 401: answers.Refusal, **refusals},
    )


def query(name: str, description: str, *, required: bool = False) -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.STR, description=description, required=required)


def paged() -> tuple[OpenApiParameter, OpenApiParameter]:
    return (
        OpenApiParameter("limit", OpenApiTypes.INT, description="1 to 200; 50 without"),
        OpenApiParameter("offset", OpenApiTypes.INT, description="Rows to skip"),
    )
