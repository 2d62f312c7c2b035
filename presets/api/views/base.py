"""What all views of the admin API share."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import user_of
from accounts.group_permissions import is_group_manager, may
from librechat_backend.lib.errors import Forbidden, InvalidFields
from presets.api.bodies import SpelledFields
from presets.spelling import in_callers_spelling

_VERBS = ("view", "add", "change", "delete")
# Names of the services' errors that callers know by another name.
_FIELDS = {"parent": "parent_id", "owner_group": "owner_group_id", "user": "user_id"}


class MayAdminister(BasePermission):
    """The outer gate: people without any right to this kind of thing.

    What exactly they may do with which rows is for lookups and services to say.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        user = user_of(request)
        app, model = view.governs.split(".")
        is_staff = any(may(user, f"{app}.{verb}_{model}") for verb in _VERBS)
        if not is_staff and not (view.is_for_managers and is_group_manager(user)):
            raise Forbidden("Forbidden")  # contract 01 §7
        return True


class AdminView(APIView):
    """``governs``: the model whose permissions open this view, ``app.model``."""

    permission_classes = [MayAdminister]
    governs = ""
    is_for_managers = True

    def handle_exception(self, exc: Exception) -> Response:
        """Errors stand beside the names the caller used."""
        if isinstance(exc, InvalidFields) and not isinstance(exc, SpelledFields):
            body = self.request.data if isinstance(self.request.data, dict) else {}
            errors = {_FIELDS.get(name, name): each for name, each in exc.errors.items()}
            exc = InvalidFields(in_callers_spelling(errors, body))
        return super().handle_exception(exc)
