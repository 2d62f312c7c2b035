"""Rights to single resources (contract 04 §12.2)."""

from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.access_roles import AccessBits, access_roles
from accounts.access_wire import (
    access_role_wire,
    found_wire,
    resource_access_wire,
    search_wire,
    sharing_result_wire,
)
from accounts.authentication import user_of
from accounts.models import AccessEntry
from accounts.people_search import parse_search, search_principals
from accounts.services.access import change_access, find_resource, require_access
from accounts.shareable import parse_resource_type
from accounts.sharing_form import parse_sharing


@api_view(["GET"])
def people(request: Request) -> Response:
    user, query = user_of(request), request.query_params
    search = parse_search(
        query.get("q", ""), query.get("limit", ""), query.getlist("types") + query.getlist("type")
    )
    return Response(
        search_wire(search, [found_wire(each) for each in search_principals(user, search)])
    )


@api_view(["GET"])
def roles(request: Request, type: str) -> Response:
    return Response([access_role_wire(role) for role in access_roles(parse_resource_type(type))])


class ResourceAccess(APIView):
    """Who may do what with one resource, for those who may share it."""

    def get(self, request: Request, type: str, id: str) -> Response:
        resource = find_resource(parse_resource_type(type), id)
        require_access(
            user=user_of(request),
            resource_type=resource.type,
            resource_id=id,
            bits=AccessBits.SHARE,
        )
        entries = AccessEntry.objects.of_resource(resource.type, id)
        return Response(resource_access_wire(resource, entries.with_principals()))

    def put(self, request: Request, type: str, id: str) -> Response:
        resource = find_resource(parse_resource_type(type), id)
        form = parse_sharing(resource.type, request.data)
        entries = change_access(
            actor=user_of(request), resource=resource, granted=form.granted, revoked=form.revoked
        )
        return Response(sharing_result_wire(form, entries))


@api_view(["GET"])
def effective(request: Request, type: str, id: str) -> Response:
    """0 for a resource there is not, as for one that is not theirs."""
    bits = AccessEntry.objects.bits_of(user_of(request), parse_resource_type(type), id)
    return Response({"permissionBits": bits.value})


@api_view(["GET"])
def all_effective(request: Request, type: str) -> Response:
    found = AccessEntry.objects.bits_by_resource(user_of(request), parse_resource_type(type))
    visible = {id_: bits.value for id_, bits in found.items() if AccessBits.VIEW in bits}
    return Response(visible)
