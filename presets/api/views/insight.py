"""What people get and why, what a change would do, and the roles for the client's dialogs."""

from collections.abc import Iterable

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import user_of
from accounts.groups import effective_groups
from accounts.models import Role, User
from librechat_backend.lib.errors import InvalidFields
from librechat_backend.lib.json import JSONDict
from presets.api import answers, serializers
from presets.api.bodies import SimulationBody, read_body
from presets.api.lookups import person_or_404
from presets.api.paging import page_of
from presets.api.schema import operation, paged, query
from presets.api.simulation import changes_of, people_to_compare
from presets.api.views.base import AdminView
from presets.explain import explain_resolution
from presets.permissions import presets_with_readable_instructions
from presets.resolver import Offer, offer_for
from presets.whatif import what_if


class Preview(AdminView):
    governs = "presets.preset"

    @operation("previewUser", "What the client shows a person, and why", answer=answers.Preview)
    def get(self, request: Request, user_id: str) -> Response:
        user = user_of(request)
        person = person_or_404(user, user_id)
        offer, groups = offer_for(person), effective_groups(person.id)
        explained = _explained(user, offer)
        return Response(serializers.preview_to_wire(person, offer, groups, explained))


class Explain(AdminView):
    governs = "presets.preset"

    @operation(
        "explain", "Why a person has a preset or not", answer=answers.Explained,
        parameters=[
            query("user", "Id or e-mail address", required=True),
            query("preset", "Id or short name; without: all"),
        ],
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        user, wanted = user_of(request), request.query_params.get("preset", "")
        if not (reference := request.query_params.get("user", "")):
            raise InvalidFields({"user": ["Say who: an id or an e-mail address."]})
        person = person_or_404(user, reference)
        explained = [
            each
            for each in _explained(user, offer_for(person))
            if not wanted or wanted in (each["id"], each["slug"])
        ]
        return Response({"user": serializers.person_to_wire(person), "presets": explained})


class Simulate(AdminView):
    governs = "presets.preset"

    @operation(
        "simulate", "What changes would do; nothing is changed",
        body=SimulationBody, answer=answers.Simulated,
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        user, body = user_of(request), read_body(SimulationBody, request)
        people = people_to_compare(user, body)
        readable = presets_with_readable_instructions(user)
        outcomes = what_if(people, changes_of(user, body["changes"]))
        return Response(
            {
                "outcomes": [
                    serializers.outcome_to_wire(outcome, readable=readable) for outcome in outcomes
                ]
            }
        )


class Roles(AdminView):
    """For the role pickers of the client's dialogs (contract 01 §7)."""

    governs = "accounts.role"
    is_for_managers = False

    @operation("listRoles", "The roles", answer=answers.RolePage, parameters=[*paged()])
    def get(self, request: Request) -> Response:
        page = page_of(Role.objects.order_by("name"), request)
        items = (serializers.role_to_wire(row) for row in page.rows)
        return Response(serializers.page_to_wire("roles", page, items))


def _explained(user: User, offer: Offer) -> Iterable[JSONDict]:
    readable = presets_with_readable_instructions(user)
    for each in explain_resolution(offer.resolution, unavailable=offer.unavailable):
        is_readable = each.preset_id in readable
        yield serializers.explanation_to_wire(each, is_readable=is_readable)
