"""What was used: of everybody for administrators, of their groups for managers."""

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import user_of
from presets.api import answers
from presets.api.schema import operation, paged, query
from presets.api.views.base import AdminView
from usage.analytics.asked import GROUPINGS, any_usage
from usage.analytics.scope import groups_within
from usage.views import page_of_usage


class Usage(AdminView):
    governs = "usage.requestlog"

    @operation(
        "listUsage", "What was used, added up", answer=answers.UsagePage,
        parameters=[
            query("from", "First day (UTC), YYYY-MM-DD; 30 days back without"),
            query("to", "Last day (UTC); today without"),
            query("groupBy", f"{', '.join(GROUPINGS)}; day without"),
            query("user", "Id of a person"),
            query("group", "Number of a group; those below it are included"),
            query("preset", "Short name"),
            query("model", "Name of the model that answered"),
            query("channel", "Id of a channel"),
            query("key", "Id of an API key"),
            query("face", "chat, api or admin"),
            *paged(),
        ],
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        asked = any_usage(request, groups_within(user_of(request)))
        return Response(page_of_usage(request, asked))
