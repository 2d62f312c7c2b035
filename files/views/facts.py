"""What the client asks about files besides the files (contract 04 §1.3, §1.10)."""

from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import user_of
from files import throttles
from files.config import config_for
from files.exceptions import FileNotFound
from files.models import File
from files.serializers import config_wire, preview_wire
from files.services.storing import hold_files
from files.views.requests import files_to_hold


@api_view(["GET"])
def config(request: Request) -> Response:
    return Response(config_wire(config_for(user_of(request))))


@api_view(["GET"])
def preview(request: Request, file_id: str) -> Response:
    file = File.objects.owned_by(user_of(request)).filter(file_id=file_id).first()
    if file is None:
        raise FileNotFound
    return Response(preview_wire(file))


@api_view(["POST"])
def usage(request: Request) -> Response:
    throttles.check_usage(user_of(request))
    body = request.data if isinstance(request.data, dict) else {}
    return Response({"held": hold_files(user=user_of(request), file_ids=files_to_hold(body))})


@api_view(["GET"])
def of_agent(request: Request, agent_id: str) -> Response:
    """There are no agents, so none has files."""
    return Response([])
