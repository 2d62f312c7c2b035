"""Groups, their members, and the rules for them."""

from typing import Any, cast

from django.db.models import Count, Q
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import user_of
from accounts.changes import because
from accounts.models import Group, Membership
from accounts.services import groups as services
from librechat_backend.lib.errors import Forbidden, InvalidFields
from librechat_backend.lib.json import JSONDict
from presets.api import answers, serializers
from presets.api.bodies import (
    GroupBody,
    MemberBody,
    NewGroupBody,
    PolicyBody,
    RoleBody,
    read_body,
)
from presets.api.lookups import (
    find_group,
    find_people,
    find_person,
    group_or_404,
    person_or_404,
    visible_groups,
)
from presets.api.paging import page_of
from presets.api.schema import operation, paged, query
from presets.api.views.base import AdminView
from presets.group_changes import (
    add_members,
    change_group,
    create_group_with_members,
    delete_group_and_rules,
)
from presets.models import Policy
from presets.permissions import can_manage_policy
from presets.policies import PolicyRules, save_policy


class Groups(AdminView):
    governs = "accounts.group"

    @operation(
        "listGroups", "The groups you may see", answer=answers.GroupPage,
        parameters=[query("search", "Part of the name"), *paged()],
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        groups = visible_groups(user_of(request))
        if search := request.query_params.get("search", ""):
            groups = groups.filter(Q(name__icontains=search) | Q(slug__icontains=search))
        page = page_of(groups.select_related("parent").order_by("name", "pk"), request)
        counts = _member_counts(page.rows)
        items = (
            serializers.group_to_wire(row, member_count=counts.get(row.pk, 0)) for row in page.rows
        )
        return Response(serializers.page_to_wire("groups", page, items))

    @operation(
        "createGroup", "Make a group", body=NewGroupBody, answer=answers.OneGroup, status=201
    )
    def post(self, request: Request) -> Response:
        body = read_body(NewGroupBody, request)
        people = find_people(body.pop("member_ids", ()), "member_ids")
        with because(body.pop("reason", "")):
            group = create_group_with_members(
                actor=user_of(request), people=people, **_with_parent(body)
            )
        return Response({"group": _detail(group)}, status=201)


class GroupDetail(AdminView):
    governs = "accounts.group"

    @operation("getGroup", "A group", answer=answers.OneGroup)
    def get(self, request: Request, group_id: str) -> Response:
        return Response({"group": _detail(group_or_404(user_of(request), group_id))})

    @operation(
        "changeGroup", "Change some fields of a group, or move it",
        body=GroupBody, answer=answers.OneGroup,
    )  # fmt: skip
    def patch(self, request: Request, group_id: str) -> Response:
        user, body = user_of(request), read_body(GroupBody, request, partial=True)
        group = group_or_404(user, group_id)
        with because(body.pop("reason", "")):
            group = change_group(actor=user, group=group, fields=_with_parent(body))
        return Response({"group": _detail(group)})

    @operation("deleteGroup", "Delete a group", answer=answers.Done, can_conflict=True)
    def delete(self, request: Request, group_id: str) -> Response:
        user = user_of(request)
        delete_group_and_rules(actor=user, group=group_or_404(user, group_id))
        return Response({"success": True})


class Members(AdminView):
    governs = "accounts.membership"

    @operation("listMembers", "Who is in a group", answer=answers.MemberPage, parameters=[*paged()])
    def get(self, request: Request, group_id: str) -> Response:
        group = group_or_404(user_of(request), group_id)
        rows = Membership.objects.filter(group=group).select_related("user")
        page = page_of(rows.order_by("user__email"), request)
        items = (serializers.member_to_wire(row) for row in page.rows)
        return Response(serializers.page_to_wire("members", page, items))

    @operation("addMembers", "Add people; twice is once", body=MemberBody, answer=answers.Done)
    def post(self, request: Request, group_id: str) -> Response:
        user, body = user_of(request), read_body(MemberBody, request)
        people = find_people(body.get("user_ids", ()), "user_ids")
        if body.get("user_id"):
            people = (*people, find_person(body["user_id"], "user_id"))
        if not people:
            raise InvalidFields({"user_id": ["Say who."]})
        role = body.get("role", Membership.Role.MEMBER)
        with because(body.get("reason")):
            add_members(actor=user, group=group_or_404(user, group_id), people=people, role=role)
        return Response({"success": True})


class MemberDetail(AdminView):
    governs = "accounts.membership"

    @operation(
        "changeMember", "Make a member a manager, or the other way round",
        body=RoleBody, answer=answers.Done,
    )  # fmt: skip
    def patch(self, request: Request, group_id: str, user_id: str) -> Response:
        user, body = user_of(request), read_body(RoleBody, request)
        group = group_or_404(user, group_id)
        member = person_or_404(user, user_id)
        with because(body.get("reason")):
            services.set_role(actor=user, group=group, user=member, role=body["role"])
        return Response({"success": True})

    @operation("removeMember", "Take a person out; twice is once", answer=answers.Done)
    def delete(self, request: Request, group_id: str, user_id: str) -> Response:
        user = user_of(request)
        group, member = group_or_404(user, group_id), find_person(user_id, "user_id")
        services.remove_member(actor=user, group=group, user=member)
        return Response({"success": True})


class Rules(AdminView):
    """``groupId`` in the query: the rules of a group; without: those of everyone."""

    governs = "presets.policy"

    @operation(
        "getPolicy", "The rules for everyone, or for a group",
        answer=answers.OnePolicy, parameters=[query("groupId", "A group's id")],
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        group = _policy_group(request)
        if not can_manage_policy(user_of(request)):
            raise Forbidden("Forbidden")
        policy = Policy.objects.filter(group=group).first()
        return Response({"policy": serializers.policy_to_wire(policy, group)})

    @operation(
        "replacePolicy", "Set all rules; what is left out is inherited",
        body=PolicyBody, answer=answers.OnePolicy, parameters=[query("groupId", "A group's id")],
    )  # fmt: skip
    def put(self, request: Request) -> Response:
        nothing = dict.fromkeys(PolicyRules.__annotations__)
        return _save_policy(request, nothing)

    @operation(
        "changePolicy", "Set some rules",
        body=PolicyBody, answer=answers.OnePolicy, parameters=[query("groupId", "A group's id")],
    )  # fmt: skip
    def patch(self, request: Request) -> Response:
        return _save_policy(request, {})


def _save_policy(request: Request, defaults: JSONDict) -> Response:
    body = defaults | read_body(PolicyBody, request)
    group = _policy_group(request)
    with because(body.pop("reason", "")):
        policy = save_policy(actor=user_of(request), group=group, **cast(PolicyRules, body))
    return Response({"policy": serializers.policy_to_wire(policy, group)})


def _policy_group(request: Request) -> Group | None:
    group_id = request.query_params.get("groupId") or request.query_params.get("group_id")
    return group_or_404(user_of(request), group_id) if group_id else None


def _with_parent(body: JSONDict) -> dict[str, Any]:
    if "parent_id" not in body:
        return body
    reference = body.pop("parent_id")
    return body | {"parent": find_group(reference, "parent_id") if reference else None}


def _member_counts(groups: list[Group]) -> dict[int, int]:
    rows = Membership.objects.filter(group__in=groups).values_list("group_id")
    return dict(rows.annotate(Count("pk")))


def _detail(group: Group) -> JSONDict:
    count = _member_counts([group]).get(group.pk, 0)
    return serializers.group_to_wire(group, member_count=count)
