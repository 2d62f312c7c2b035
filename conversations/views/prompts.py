"""The library of prompts (contract 03 §13)."""

from enum import StrEnum
from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from accounts.permissions import Bit, PermissionType, require_permission
from conversations.models import Prompt, PromptGroup
from conversations.prompt_input import parse_changes, parse_group, parse_labels, parse_version
from conversations.prompt_querysets import PromptGroupQuerySet
from conversations.serializers.prompt import (
    groups_page_wire,
    listed_group_wire,
    prompt_group_wire,
    prompt_wire,
)
from conversations.services import prompts as services
from conversations.throttles import check_prompt_use
from conversations.views.requests import body_of, owner_of, page_size, without_nul
from librechat_backend.lib.errors import InvalidRequest
from librechat_backend.lib.json import JSONDict
from librechat_backend.lib.pagination import Key, Keyset, parse_count, parse_moment, parse_text

LIST_PAGE_SIZE = 10
NO_CURSOR = {"undefined", "null"}
BY_USE = Keyset(
    (
        Key("usage_count", parse_count),
        Key("updated_at", parse_moment),
        Key("id", parse_text, is_opposite=True),
    ),
    is_descending=True,
)


class Category(StrEnum):
    """What the client asks for in place of a category (§13.3)."""

    MINE = "sys__my__prompts__sys"
    SHARED = "sys__shared__prompts__sys"
    NONE = "sys__no__category__sys"


class LibraryView(APIView):
    """Lets through whose role has the library; ``needs`` says what else per method."""

    needs: ClassVar[dict[str, Bit]] = {}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        needed = self.needs.get(request.method or "", Bit.USE)
        require_permission(owner_of(request), PermissionType.PROMPTS, Bit.USE, needed)


class AllGroupsView(LibraryView):
    def get(self, request: Request) -> Response:
        rows = _chosen(request).rows()
        return Response([listed_group_wire(row) for row in rows])


class GroupsView(LibraryView):
    def get(self, request: Request) -> Response:
        query = request.query_params
        limit = page_size(query.get("limit") or query.get("pageSize", ""), LIST_PAGE_SIZE)
        cursor = query.get("cursor", "")
        rows, next_cursor = BY_USE.page(
            _chosen(request).rows(), cursor="" if cursor in NO_CURSOR else cursor, limit=limit
        )
        return Response(groups_page_wire(rows, limit=limit, next_cursor=next_cursor))


class RandomGroupsView(LibraryView):
    """Of the client's library alone; its pages do not ask (§13.10)."""

    def get(self, request: Request) -> Response:
        limit = page_size(request.query_params.get("limit", ""), LIST_PAGE_SIZE)
        rows = PromptGroup.objects.all().allowing(owner_of(request)).rows().order_by("?")[:limit]
        return Response({"prompts": [listed_group_wire(row) for row in rows]})


class GroupView(LibraryView):
    needs: ClassVar = {"PATCH": Bit.CREATE, "DELETE": Bit.CREATE}

    def get(self, request: Request, group_id: str) -> Response:
        services.require_access(owner_of(request), group_id)
        return Response(_group_with_prompt(group_id))

    def patch(self, request: Request, group_id: str) -> Response:
        columns = parse_changes(request.data)
        services.update_group(user=owner_of(request), group_id=group_id, columns=columns)
        return Response(prompt_group_wire(_group_row(group_id)))

    def delete(self, request: Request, group_id: str) -> Response:
        services.delete_group(user=owner_of(request), group_id=group_id)
        return Response({"message": "Prompt group deleted successfully"})


class GroupPromptsView(LibraryView):
    def post(self, request: Request, group_id: str) -> Response:
        version = parse_version(body_of(request))
        prompt = services.add_version(user=owner_of(request), group_id=group_id, version=version)
        return Response({"prompt": _prompt_document(prompt.pk)})


class GroupUseView(LibraryView):
    def post(self, request: Request, group_id: str) -> Response:
        check_prompt_use(request)
        count = services.record_usage(user=owner_of(request), group_id=group_id)
        return Response({"numberOfGenerations": count})


class PromptsView(LibraryView):
    needs: ClassVar = {"POST": Bit.CREATE}

    def get(self, request: Request) -> Response:
        user, group_id = owner_of(request), without_nul(request.query_params.get("groupId", ""))
        visible = PromptGroup.objects.all().allowing(user)
        prompts = Prompt.objects.filter(group__in=visible)
        if group_id:
            services.require_access(user, group_id)
            prompts = prompts.filter(group=group_id)
        else:
            prompts = prompts.filter(user=user)
        return Response([prompt_wire(row) for row in prompts.rows()])

    def post(self, request: Request) -> Response:
        body = body_of(request)
        columns, version = parse_group(body), parse_version(body)
        group = services.create_group(user=owner_of(request), version=version, columns=columns)
        prompt = _prompt_document(group.production_id or "")
        document = prompt_group_wire(_group_row(group.pk))
        document["productionPrompt"] = {"prompt": prompt["prompt"]}
        return Response({"prompt": prompt, "group": document})


class PromptView(LibraryView):
    needs: ClassVar = {"DELETE": Bit.CREATE}

    def get(self, request: Request, prompt_id: str) -> Response:
        visible = PromptGroup.objects.all().allowing(owner_of(request))
        row = Prompt.objects.filter(pk=prompt_id, group__in=visible).rows().first()
        if row is None:
            raise services.group_not_found()
        return Response(prompt_wire(row))

    def delete(self, request: Request, prompt_id: str) -> Response:
        group_id = without_nul(request.query_params.get("groupId", ""))
        if not group_id:
            raise InvalidRequest("Invalid or missing groupId", key="error")
        is_last = services.delete_version(
            user=owner_of(request), group_id=group_id, prompt_id=prompt_id
        )
        answer: JSONDict = {"prompt": "Prompt deleted successfully"}
        if is_last:
            text = "Prompt group deleted successfully"
            answer["promptGroup"] = {"message": text, "id": group_id}
        return Response(answer)


class ProductionView(LibraryView):
    needs: ClassVar = {"PATCH": Bit.CREATE}

    def patch(self, request: Request, prompt_id: str) -> Response:
        services.put_in_use(user=owner_of(request), prompt_id=prompt_id)
        return Response({"message": "Prompt production made successfully"})


class LabelsView(LibraryView):
    """Of the client's library alone; its pages do not ask (§13.10)."""

    needs: ClassVar = {"PATCH": Bit.CREATE}

    def patch(self, request: Request, prompt_id: str) -> Response:
        labels = parse_labels(body_of(request))
        services.set_labels(user=owner_of(request), prompt_id=prompt_id, labels=labels)
        return Response({"message": "Prompt labels updated successfully"})


def _chosen(request: Request) -> PromptGroupQuerySet:
    """The groups the caller may see, of the name and category asked for."""
    user, query = owner_of(request), request.query_params
    groups = PromptGroup.objects.all().allowing(user)
    if name := without_nul(query.get("name", "")):
        groups = groups.named(name)
    return _of_category(groups, user, without_nul(query.get("category", "")))


def _of_category(groups: PromptGroupQuerySet, user: User, category: str) -> PromptGroupQuerySet:
    match category:
        case "":
            return groups
        case Category.MINE:
            return groups.owned_by(user)
        case Category.SHARED:
            return groups.not_owned_by(user)
        case Category.NONE:
            return groups.in_category("")
    return groups.in_category(category)


def _group_row(group_id: str) -> dict[str, Any]:
    row = PromptGroup.objects.filter(pk=group_id).rows().first()
    if row is None:
        raise services.group_not_found()
    return row


def _group_with_prompt(group_id: str) -> JSONDict:
    """With the whole version in use, if there is one (§13.4)."""
    row = _group_row(group_id)
    document = prompt_group_wire(row)
    if row["production_id"]:
        document["productionPrompt"] = _prompt_document(row["production_id"])
    return document


def _prompt_document(prompt_id: str) -> JSONDict:
    row = Prompt.objects.filter(pk=prompt_id).rows().first()
    if row is None:
        raise services.group_not_found()
    return prompt_wire(row)
