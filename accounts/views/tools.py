"""What a person keeps about tools and skills (contract 01 §4.10)."""

from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import user_of
from accounts.serializers import favorite_tool_wire
from accounts.services import tools
from accounts.tool_forms import parse_favorite_tool, parse_plugin_change, parse_skill_states


@api_view(["GET"])
def favorite_tools(request: Request) -> Response:
    """Oldest first."""
    rows = user_of(request).favorite_tools.all()
    return Response([favorite_tool_wire(row.item_type, row.item_id) for row in rows])


class FavoriteTools(APIView):
    def put(self, request: Request, item_type: str, item_id: str) -> Response:
        type_, id_ = parse_favorite_tool(item_type, item_id)
        tools.add_favorite_tool(user=user_of(request), item_type=type_, item_id=id_)
        return Response(favorite_tool_wire(type_, id_))

    def delete(self, request: Request, item_type: str, item_id: str) -> Response:
        type_, id_ = parse_favorite_tool(item_type, item_id)
        tools.remove_favorite_tool(user=user_of(request), item_type=type_, item_id=id_)
        return Response({"ok": True})


class SkillStates(APIView):
    """Which skills are on, where that differs from the rule."""

    def get(self, request: Request) -> Response:
        user = user_of(request)
        return Response(tools.visible_skill_states(user, user.skill_states))

    def post(self, request: Request) -> Response:
        states = parse_skill_states(request.data)
        return Response(tools.set_skill_states(user=user_of(request), states=states))


@api_view(["POST"])
def plugin(request: Request) -> Response:
    """Install or remove a tool, with its credentials; the answer has no body."""
    tools.change_plugin(user=user_of(request), change=parse_plugin_change(request.data))
    return Response()
