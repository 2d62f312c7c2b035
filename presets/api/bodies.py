"""What may be sent to the admin API: one table of fields for checking and for the documentation."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request

from accounts.changes import REASON_MAX_LENGTH
from librechat_backend.lib.errors import InvalidFields, InvalidRequest
from librechat_backend.lib.json import JSONDict, JSONValue
from presets.fields import MAX_CACHE_SECONDS
from presets.models import Assignment
from presets.spelling import field_name, to_camel

MAX_PRINCIPALS = 500


class SpelledFields(InvalidFields):
    """Errors that stand beside the caller's names already."""


class WireSerializer(serializers.Serializer[Any]):
    """Fields are declared in snake case and shown in camel case; what is checked is in snake case.

    Names in snake case are taken, too. Unknown names are refused, ``ignored`` ones (what answers
    hold besides) are not.
    """

    ignored: frozenset[str] = frozenset()

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        fields = {}
        for name, field in super().get_fields().items():
            wire_name = to_camel(name)
            if wire_name != name and field.source is None:
                field.source = name
            fields[wire_name] = field
        return fields

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, Mapping):
            raise ValidationError({"__all__": ["This must be a JSON object."]})
        named = {to_camel(field_name(str(key))): value for key, value in data.items()}
        unknown = named.keys() - self.fields.keys() - {to_camel(name) for name in self.ignored}
        if unknown:
            raise ValidationError({name: ["There is no such field."] for name in sorted(unknown)})
        return super().to_internal_value(named)


def read_body(form: type[WireSerializer], request: Request, *, partial: bool = False) -> JSONDict:
    """The checked members of the body, in snake case. Raises InvalidFields."""
    if not isinstance(request.data, dict):
        raise InvalidRequest("The request body must be a JSON object.")
    return read(form, request.data, partial=partial)


def read(form: type[WireSerializer], data: Mapping[str, JSONValue], *, partial: bool) -> JSONDict:
    """Raises InvalidFields, with names in snake case."""
    serializer = form(data=data, partial=partial)
    if not serializer.is_valid():
        raise InvalidFields(
            {name: _messages(detail) for name, detail in _snake(serializer.errors).items()}
        )
    checked: JSONDict = dict(serializer.validated_data)
    return checked


def _snake(errors: Mapping[str, Any]) -> dict[str, Any]:
    return {name if name == "__all__" else field_name(name): each for name, each in errors.items()}


def _messages(detail: Any) -> list[str]:
    """Those of lists and objects stand beside the whole field."""
    if isinstance(detail, ErrorDetail | str):
        return [str(detail)]
    inner = detail.values() if isinstance(detail, Mapping) else detail
    return list(dict.fromkeys(message for each in inner for message in _messages(each)))


def _text(**options: Any) -> serializers.CharField:
    return serializers.CharField(required=False, allow_blank=True, allow_null=True, **options)


def _why() -> serializers.CharField:
    return _text(max_length=REASON_MAX_LENGTH, write_only=True)


def _flag() -> serializers.BooleanField:
    return serializers.BooleanField(required=False, allow_null=True)


class PrincipalsBody(WireSerializer):
    """People by id or e-mail address, groups by id or short name."""

    user_id = _text()
    group_id = _text()
    user_ids = serializers.ListField(
        child=serializers.CharField(), required=False, max_length=MAX_PRINCIPALS
    )
    group_ids = serializers.ListField(
        child=serializers.CharField(), required=False, max_length=MAX_PRINCIPALS
    )
    everyone = serializers.BooleanField(required=False)
    reason = _why()


PRINCIPAL_FIELDS = ("user_id", "group_id", "user_ids", "group_ids", "everyone")


class AssignmentBody(PrincipalsBody):
    effect = serializers.ChoiceField(choices=Assignment.Effect.choices, required=False)
    is_final = serializers.BooleanField(required=False)
    priority = serializers.IntegerField(required=False, min_value=-(2**31), max_value=2**31 - 1)
    is_default = serializers.BooleanField(required=False)
    is_active = serializers.BooleanField(required=False)
    starts_at = serializers.DateTimeField(required=False, allow_null=True)
    ends_at = serializers.DateTimeField(required=False, allow_null=True)
    rollout_percent = serializers.IntegerField(required=False, min_value=0, max_value=100)


class PresetBody(WireSerializer):
    """An empty value is inherited from the preset it extends."""

    ignored = frozenset({"id", "version", "created_at", "updated_at", "assignments", "can_change"})

    slug = _text()
    name = _text()
    description = _text()
    icon_url = _text()
    menu_group = _text()
    menu_group_icon = _text()
    conversation_starters = serializers.ListField(child=serializers.CharField(), required=False)
    endpoint = _text()
    model = _text()
    system_message = _text(trim_whitespace=False)
    greeting = _text()
    model_label = _text()
    show_in_menu = _flag()
    show_on_landing = _flag()
    show_icon_in_menu = _flag()
    show_icon_in_header = _flag()
    hide_badge_row = _flag()
    parameters = serializers.DictField(required=False)
    bounds = serializers.DictField(required=False)
    locked = serializers.ListField(child=serializers.CharField(), required=False)
    tools = serializers.DictField(required=False)
    max_output_tokens = serializers.IntegerField(required=False, allow_null=True, min_value=1)
    max_context_tokens = serializers.IntegerField(required=False, allow_null=True, min_value=1)
    cache_seconds = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=0,
        max_value=MAX_CACHE_SECONDS,
        help_text="How long /v1 remembers answers. Null: as the key says. 0: not at all.",
    )
    extends = _text(help_text="Id or short name of another preset.")
    owner_group_id = _text(help_text="The group whose managers may change it.")
    is_active = serializers.BooleanField(required=False)
    reason = _why()


class NewPresetBody(PresetBody, PrincipalsBody):
    """Whom it is given to, if anybody, with the first words of how."""

    is_default = serializers.BooleanField(required=False)
    priority = serializers.IntegerField(required=False, min_value=-(2**31), max_value=2**31 - 1)


class GroupBody(WireSerializer):
    ignored = frozenset({"_id", "id", "created_at", "updated_at", "member_count", "source"})

    name = serializers.CharField()
    slug = serializers.CharField(required=False, allow_blank=True)
    description = serializers.CharField(required=False, allow_blank=True)
    parent_id = _text()
    is_active = serializers.BooleanField(required=False)
    reason = _why()


class NewGroupBody(GroupBody):
    member_ids = serializers.ListField(
        child=serializers.CharField(), required=False, max_length=MAX_PRINCIPALS
    )


class MemberBody(WireSerializer):
    user_id = _text()
    user_ids = serializers.ListField(
        child=serializers.CharField(), required=False, max_length=MAX_PRINCIPALS
    )
    role = serializers.CharField(required=False)
    reason = _why()


class RoleBody(WireSerializer):
    role = serializers.CharField()
    reason = _why()


class RevertBody(WireSerializer):
    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
    reason = _why()


class RevertAssignmentBody(RevertBody):
    """Neither a person nor a group: everyone."""

    user_id = _text(max_length=254)
    group_id = _text(max_length=100)


class PolicyBody(WireSerializer):
    """Null: inherited."""

    ignored = frozenset({"group_id", "updated_at"})

    allows_personal_presets = serializers.BooleanField(required=False, allow_null=True)
    allows_override = serializers.BooleanField(required=False, allow_null=True)
    allows_group_presets = serializers.BooleanField(required=False, allow_null=True)
    scope_precedence = serializers.ListField(
        child=serializers.CharField(), required=False, allow_null=True
    )
    enforce = serializers.BooleanField(required=False, allow_null=True)
    prioritize = serializers.BooleanField(required=False, allow_null=True)
    default_is_soft = _flag()
    added_endpoints = serializers.ListField(
        child=serializers.CharField(), required=False, allow_null=True
    )
    reason = _why()


class SimulationBody(PrincipalsBody):
    """Whom to look at, and what would change. Each change says its ``kind``; the rest is the body
    of the request that would make it, with ``presetId`` or ``groupId`` for what stands in its path.
    """

    changes = serializers.ListField(child=serializers.DictField(), min_length=1, max_length=50)
