"""Projects: folders for chats (contract 03 §6)."""

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from conversations.models import Project
from conversations.models.project import PROJECT_DESCRIPTION_MAX_LENGTH, PROJECT_NAME_MAX_LENGTH
from conversations.serializers.project import project_wire
from conversations.services import projects as services
from conversations.services.projects import project_not_found
from conversations.views.documents import require_document
from conversations.views.requests import body_of, owner_of, page_size, without_nul
from librechat_backend.lib.errors import InvalidRequest
from librechat_backend.lib.json import JSONDict
from librechat_backend.lib.pagination import Key, Keyset, parse_moment, parse_text

_ID = Key("id", parse_text)
_BY_ACTIVITY = (Key("last_activity", parse_moment), _ID)
SORTS = {
    "name": (Key("name", parse_text), _ID),
    "createdAt": (Key("created_at", parse_moment), _ID),
}


class ProjectsView(APIView):
    def get(self, request: Request) -> Response:
        query = request.query_params
        projects = Project.objects.owned_by(owner_of(request))
        if search := without_nul(query.get("search", "")).strip():
            projects = projects.named(search)
        keyset = Keyset(
            SORTS.get(query.get("sortBy", ""), _BY_ACTIVITY),
            is_descending=query.get("sortDirection") != "asc",
        )
        rows, next_cursor = keyset.page(
            projects.rows(),
            cursor=query.get("cursor", ""),
            limit=page_size(query.get("limit", "")),
        )
        return Response(
            {"projects": [project_wire(row) for row in rows], "nextCursor": next_cursor}
        )

    def post(self, request: Request) -> Response:
        body = body_of(request)
        project_id = services.create_project(
            user=owner_of(request), name=_name(body), description=_description(body) or ""
        )
        return Response(_document(owner_of(request), project_id), status=201)


class ProjectView(APIView):
    def get(self, request: Request, project_id: str) -> Response:
        return Response(_document(owner_of(request), project_id))

    def patch(self, request: Request, project_id: str) -> Response:
        body = body_of(request)
        services.update_project(
            user=owner_of(request),
            project_id=project_id,
            name=_name(body) if "name" in body else None,
            description=_description(body),
        )
        return Response(_document(owner_of(request), project_id))

    def delete(self, request: Request, project_id: str) -> Response:
        count = services.delete_project(user=owner_of(request), project_id=project_id)
        return Response({"deletedCount": 1, "modifiedCount": count})


class ConversationProjectView(APIView):
    def put(self, request: Request, conversation_id: str) -> Response:
        user = owner_of(request)
        project_id = body_of(request).get("projectId", "")
        if project_id == "" or not isinstance(project_id, str | None):
            raise InvalidRequest("projectId must be a string or null", key="error")
        previous = services.assign_project(
            user=user, conversation_id=conversation_id, project_id=project_id
        )
        conversation = require_document(user, conversation_id)
        return Response(
            {
                "conversation": conversation,
                "previousProjectId": previous,
                "projectId": project_id,
            }
        )


def _name(body: JSONDict) -> str:
    name = body.get("name")
    if not isinstance(name, str) or not name.strip():
        raise InvalidRequest("name is required", key="error")
    return name.strip()[:PROJECT_NAME_MAX_LENGTH]


def _description(body: JSONDict) -> str | None:
    description = body.get("description")
    if description is not None and not isinstance(description, str):
        raise InvalidRequest("description must be a string", key="error")
    return None if description is None else description.strip()[:PROJECT_DESCRIPTION_MAX_LENGTH]


def _document(user: User, project_id: str) -> JSONDict:
    row = Project.objects.owned_by(user).filter(pk=project_id).rows().first()
    if row is None:
        raise project_not_found()
    return project_wire(row)
