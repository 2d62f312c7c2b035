"""``/api/user/register|login|self``, ``/api/token``, ``/api/channel``."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.db.models import Count, F, Sum
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import throttles
from accounts.authentication import user_of
from accounts.models import User
from accounts.models.user import NO_ADDRESS
from accounts.services import bans, profile, registration
from accounts.services.directory import sign_in_with_password
from accounts.services.login import SecondFactorNeeded, WrongCredentials
from accounts.tokens import issue_console_token
from accounts.validation import InvalidForm
from gateway import services
from gateway.console import parsing, wire
from gateway.console.authentication import ConsoleAuthentication
from gateway.models import ApiToken
from librechat_backend.lib.errors import AppError, Conflict, Forbidden, InvalidRequest, NotFound
from librechat_backend.lib.json import JSONValue
from librechat_backend.lib.rest import KnownMembersParser, as_app_error
from librechat_backend.lib.throttling import client_ip
from providers import client
from providers import services as channel_services
from providers.errors import ProviderError
from providers.guard import told
from providers.models import Channel
from providers.route_table import ChannelSnapshot
from providers.snapshots import snapshot_of
from usage.models import Balance, RequestLog

# What the chat's client wants to hear as 404 (contract 01 §4.2, §4.5).
_STATUSES: dict[type[AppError], int] = {WrongCredentials: 401, InvalidForm: 400}
PAGE_SIZE, LARGEST_PAGE = 20, 100
_METHOD_RIGHTS = {"GET": "view", "POST": "add", "PUT": "change", "DELETE": "delete"}
_KEY_SHOWN = 6


class ConsoleView(APIView):
    authentication_classes = [ConsoleAuthentication]
    parser_classes = [KnownMembersParser]

    def handle_exception(self, exc: Exception) -> Response:
        error = _not_allowed(exc, self) or as_app_error(exc)
        if error is None:
            raise exc
        body = {"success": False, "message": _message(error), "data": None}
        status = next((s for kind, s in _STATUSES.items() if isinstance(error, kind)), error.status)
        self.headers = error.headers
        return Response(body, status=status, headers=error.headers)


def _not_allowed(exc: Exception, view: APIView) -> AppError | None:
    if not isinstance(exc, MethodNotAllowed):
        return None
    allowed = {"Allow": ", ".join(view.allowed_methods)}
    return AppError(str(exc.detail), status=405, headers=allowed)


def _message(error: AppError) -> str:
    body = error.body()
    return str(body.get("message") or body.get("error") or "The request was refused.")


def answer(data: JSONValue = None, status: int = 200) -> Response:
    return Response({"success": True, "message": "", "data": data}, status=status)


class PublicView(ConsoleView):
    authentication_classes = []
    permission_classes = []


class Register(PublicView):
    def post(self, request: Request) -> Response:
        throttles.check_registration(request)
        bans.require_not_banned(ip_address=client_ip(request))
        registration.register_user(parsing.registration(request.data))
        return answer(status=201)


class Login(PublicView):
    def post(self, request: Request) -> Response:
        """``{username, password}``; the user name may be the e-mail."""
        throttles.check_login(request)
        body = parsing.object_of(request.data)
        signed_in = sign_in_with_password(
            email=_address_of(parsing.text(body, "username") or parsing.text(body, "email")),
            password=parsing.text(body, "password", limit=128),
            ip_address=client_ip(request),
            user_agent=request.headers.get("User-Agent", "")[:200],
        )
        if isinstance(signed_in, SecondFactorNeeded):
            raise Forbidden("This account has a second factor: use an access token of the chat.")
        token = issue_console_token(signed_in.user)
        return answer({"token": token, **_user(signed_in.user)})


def _address_of(name: str) -> str:
    """The e-mail of the one person with this user name; any other name is taken as it is. Who has
    no address has the name alone, whoever calls themselves so later."""
    if "@" in name:
        return name.lower()
    if User.objects.filter(email=(made_up := name.lower() + NO_ADDRESS)).exists():
        return made_up
    found = list(User.objects.filter(username=name).values_list("email", flat=True)[:2])
    return found[0] if name and len(found) == 1 else name


class Self(ConsoleView):
    def get(self, request: Request) -> Response:
        return answer(_user(user_of(request)))

    def put(self, request: Request) -> Response:
        """``display_name`` and ``username``."""
        body = parsing.object_of(request.data)
        profile.set_names(
            user=user_of(request),
            name=parsing.text(body, "display_name", limit=80) or None,
            username=parsing.text(body, "username", limit=80) or None,
        )
        return answer(_user(user_of(request)))


def _user(user: User) -> dict[str, Any]:
    totals = RequestLog.objects.filter(user=user).aggregate(
        used=Sum(F("input_tokens") + F("output_tokens")), requests=Count("pk")
    )
    memberships = user.memberships.order_by("group__name")
    return wire.user_wire(
        user,
        used_tokens=totals["used"] or 0,
        requests=totals["requests"],
        credits=Balance.objects.filter(user=user).values_list("credits", flat=True).first(),
        groups=list(memberships.values_list("group__name", flat=True)),
    )


class Tokens(ConsoleView):
    def get(self, request: Request) -> Response:
        tokens = ApiToken.objects.owned_by(user_of(request).id)
        return answer(_page(request, tokens, wire.token_wire))

    def post(self, request: Request) -> Response:
        """The key is in this answer and in no other."""
        fields = parsing.token_fields(request.data, is_new=True)
        new = services.create_token(user=user_of(request), **fields)
        return answer(wire.token_wire(new.token) | {"key": new.secret}, status=201)


class Token(ConsoleView):
    def get(self, request: Request, token_id: str) -> Response:
        return answer(wire.token_wire(_own_token(request, token_id)))

    def put(self, request: Request, token_id: str) -> Response:
        token = _own_token(request, token_id)
        fields = parsing.token_fields(request.data, is_new=False)
        return answer(wire.token_wire(services.update_token(token=token, **fields)))

    def delete(self, request: Request, token_id: str) -> Response:
        services.delete_token(user_id=user_of(request).id, token_id=token_id)
        return answer()


def _own_token(request: Request, token_id: str) -> ApiToken:
    token = ApiToken.objects.owned_by(user_of(request).id).filter(pk=token_id).first()
    if token is None:
        raise NotFound("API key not found")
    return token


class ChannelView(ConsoleView):
    rights = _METHOD_RIGHTS

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        right = self.rights.get(request.method or "", "change")
        if not user_of(request).has_perm(f"providers.{right}_channel"):
            raise Forbidden("Forbidden: Insufficient permissions")


class Channels(ChannelView):
    def get(self, request: Request) -> Response:
        channels = Channel.objects.prefetch_related("keys")
        return answer(_page(request, channels, wire.channel_wire))

    def post(self, request: Request) -> Response:
        channel = Channel()
        _save(channel, parsing.apply_to_channel(channel, request.data, is_new=True))
        return answer(wire.channel_wire(channel), status=201)


class ChannelDetail(ChannelView):
    def get(self, request: Request, channel_id: str) -> Response:
        return answer(wire.channel_wire(_channel(channel_id)))

    def put(self, request: Request, channel_id: str) -> Response:
        """``key`` replaces the keys there are."""
        channel = _channel(channel_id)
        _save(channel, parsing.apply_to_channel(channel, request.data, is_new=False))
        return answer(wire.channel_wire(_channel(channel_id)))

    def delete(self, request: Request, channel_id: str) -> Response:
        channel_services.delete_channel(channel=_channel(channel_id))
        return answer()


class ChannelAction(ChannelView):
    rights = {"POST": "change"}


class ChannelTest(ChannelAction):
    def post(self, request: Request, channel_id: str) -> Response:
        """Ask the first model for a few words, with each key."""
        checks = client.run_apart(client.test_channel(_usable(_channel(channel_id))))
        return answer([_check_wire(check) for check in checks])


class ChannelModels(ChannelAction):
    def post(self, request: Request, channel_id: str) -> Response:
        """List what the service offers, in place of what is listed."""
        channel = _channel(channel_id)
        try:
            names = client.run_apart(client.fetch_models(_usable(channel)))
        except ProviderError as error:
            raise AppError(told(error), status=502) from error
        channel_services.set_models(channel=channel, names=names)
        return answer(wire.channel_wire(channel))


class ChannelSwitch(ChannelAction):
    is_on = True

    def post(self, request: Request, channel_id: str) -> Response:
        channel = _channel(channel_id)
        channel.is_active = self.is_on
        channel_services.save_channel(channel=channel)
        return answer(wire.channel_wire(channel))


def _usable(channel: Channel) -> ChannelSnapshot:
    """Raises InvalidRequest."""
    snapshot = snapshot_of(channel)
    if snapshot is None:
        raise InvalidRequest("The channel has no usable key.")
    return snapshot


def _check_wire(check: client.KeyCheck) -> dict[str, Any]:
    """``key`` is the end of its id, as the administration names it."""
    return {
        "key": check.key.id[-_KEY_SHOWN:],
        "model": check.model,
        "seconds": round(check.seconds, 3),
        "error": told(check.error) if check.error else None,
    }


def _channel(channel_id: str) -> Channel:
    channel = Channel.objects.prefetch_related("keys").filter(pk=channel_id).first()
    if channel is None:
        raise NotFound("Channel not found")
    return channel


def _save(channel: Channel, secrets: list[str]) -> None:
    """Raises InvalidRequest; nothing is half written."""
    try:
        channel.full_clean(validate_unique=False)
        channel_services.save_channel_with_keys(channel=channel, secrets=secrets)
    except ValidationError as error:
        raise InvalidRequest(" ".join(error.messages)) from error
    except IntegrityError as error:
        raise Conflict("There is already a channel of this name.") from error


def _page(request: Request, rows: Any, to_wire: Any) -> dict[str, Any]:
    """``p`` counts from 1, as ``page_size`` says how many."""
    page = _query_number(request, "p", 1, 10**6)
    size = _query_number(request, "page_size", PAGE_SIZE, LARGEST_PAGE)
    begin = (page - 1) * size
    return {
        "page": page,
        "page_size": size,
        "total": rows.count(),
        "items": [to_wire(row) for row in rows[begin : begin + size]],
    }


def _query_number(request: Request, name: str, default: int, largest: int) -> int:
    value = request.query_params.get(name)
    if value is None:
        return default
    if not (value.isascii() and value.isdigit()) or not 1 <= int(value[:9]) <= largest:
        raise InvalidRequest(f"{name}: expected a whole number from 1 to {largest}.")
    return int(value[:9])
