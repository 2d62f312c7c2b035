"""The rows a librechat.yaml is loaded into, all seen alike: fields that are read and written."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.models import Role
from accounts.permissions import Bit, PermissionType, default_permission
from accounts.services.roles import set_permissions
from files.models import EndpointRules, FileRules
from librechat_backend.lib.crypto import UndecryptableSecret, decrypt
from librechat_backend.lib.json import JSONDict, JSONValue
from moving.librechat_yaml.plan import ChannelPlan, PresetPlan
from presets.models import Assignment, Policy, Preset
from presets.policies import save_policy
from presets.services import assign_preset, default_fields, save_preset
from providers import services
from providers.models import Channel, ChannelKey
from usage.ledger.rules import billing_rules
from usage.models import Price

KEY_LABEL = "librechat.yaml"
# Fields whose values nobody is shown.
HIDDEN = frozenset({"key", "headers"})


class Target:
    """A row, or what would be one. ``what`` and ``name`` are for people."""

    what = ""
    # Whether a row that is gone was deleted by people.
    can_be_deleted = True

    def __init__(self, mark: str, name: str) -> None:
        self.mark, self.name = mark, name

    def find(self, row_id: str) -> bool:
        """Look for it, by what is known from the last run; whether it is there."""
        raise NotImplementedError

    def read(self, name: str) -> JSONValue:
        raise NotImplementedError

    def default(self, name: str) -> JSONValue:
        raise NotImplementedError

    def write(self, changes: JSONDict) -> str:
        """The row's id. Raises AppError, ValidationError."""
        raise NotImplementedError


class RowTarget(Target):
    """A row whose fields are its columns."""

    row: Any = None

    def read(self, name: str) -> JSONValue:
        return getattr(self.row, name)

    def default(self, name: str) -> JSONValue:
        field = self.row._meta.get_field(name)
        return field.get_default() if not field.null or field.has_default() else None

    def _fill(self, changes: Mapping[str, JSONValue]) -> None:
        for name, value in changes.items():
            setattr(self.row, name, value)
        self.row.full_clean()

    def _save(self, changes: JSONDict) -> str:
        self._fill(changes)
        self.row.save()
        return str(self.row.pk)

    def write(self, changes: JSONDict) -> str:
        return self._save(changes)


def _existing(model: type[models.Model], **lookup: object) -> Any:
    return model._default_manager.filter(**lookup).first()


# -- Channels --------------------------------------------------------------------------------


def fingerprint(secret: str) -> str:
    return salted_hmac("moving.librechat_yaml", secret).hexdigest()[:16]


class ChannelTarget(RowTarget):
    what = "channel"

    def __init__(self, plan: ChannelPlan) -> None:
        super().__init__(plan.mark, plan.name)
        self.plan = plan
        self._key: ChannelKey | None = None

    @property
    def wanted(self) -> JSONDict:
        key = {"key": fingerprint(self.plan.secret)} if self.plan.secret else {}
        return self.plan.fields | key

    def find(self, row_id: str) -> bool:
        found = _existing(Channel, pk=row_id) if row_id else _existing(Channel, name=self.name)
        self.row = found or Channel()
        self._key = found and found.keys.filter(label=KEY_LABEL).first()
        return found is not None

    def read(self, name: str) -> JSONValue:
        return self._fingerprint() if name == "key" else super().read(name)

    def default(self, name: str) -> JSONValue:
        return "" if name == "key" else super().default(name)

    def _fingerprint(self) -> str:
        try:
            return fingerprint(decrypt(self._key.encrypted)) if self._key else ""
        except UndecryptableSecret:
            return "unreadable"

    def write(self, changes: JSONDict) -> str:
        columns = {name: value for name, value in changes.items() if name != "key"}
        self._fill(columns)
        services.save_channel(channel=self.row)
        if "key" in changes and self.plan.secret:
            self._write_key(self.plan.secret)
        return str(self.row.pk)

    def _write_key(self, secret: str) -> None:
        if self._key:
            services.set_secret(key=self._key, secret=secret)
        else:
            services.add_key(channel=self.row, secret=secret, label=KEY_LABEL)


class PriceTarget(RowTarget):
    """Prices are never changed for the past: a new row goes on where the old one ends."""

    what = "price"

    def __init__(self, channel: ChannelTarget, model: str) -> None:
        super().__init__(f"price:{channel.mark}:{model}", f"{model} at {channel.name}")
        self.channel_id, self.model = str(channel.row.pk), model

    def find(self, row_id: str) -> bool:
        lookup = {"model": self.model, "channel_id": self.channel_id, "valid_until": None}
        found = Price.objects.filter(**lookup).order_by("-valid_from").first()
        self.row = found or Price(model=self.model, channel_id=self.channel_id)
        return found is not None

    def default(self, name: str) -> JSONValue:
        return None

    def write(self, changes: JSONDict) -> str:
        now = timezone.now()
        if not self.row._state.adding:
            Price.objects.filter(pk=self.row.pk).update(valid_until=now)
            fields = {n: getattr(self.row, n) for n in PRICE_COLUMNS}
            self.row = Price(model=self.model, channel_id=self.channel_id, **fields)
        return self._save(changes | {"valid_from": now, "source": KEY_LABEL})


PRICE_COLUMNS = (
    "input_credits", "output_credits", "cache_read_credits", "cache_write_credits",
    "reasoning_credits", "request_credits", "tiers",
)  # fmt: skip


# -- Presets ---------------------------------------------------------------------------------


class PresetTarget(RowTarget):
    what = "preset"

    def __init__(self, plan: PresetPlan) -> None:
        super().__init__(f"preset:{plan.slug}", plan.slug)

    def find(self, row_id: str) -> bool:
        rows = Preset.objects.filter(pk=row_id) if row_id else None
        found = list(Preset.objects.filter(slug=self.name)[:2] if rows is None else rows)
        self.row = found[0] if len(found) == 1 else None
        return self.row is not None

    def read(self, name: str) -> JSONValue:
        return self.default(name) if self.row is None else super().read(name)

    def default(self, name: str) -> JSONValue:
        return default_fields().get(name)

    def write(self, changes: JSONDict) -> str:
        self.row = save_preset(actor=None, preset=self.row, fields=changes)
        return str(self.row.pk)


class AssignmentTarget(RowTarget):
    what = "who gets"

    def __init__(self, preset: PresetTarget) -> None:
        super().__init__(f"assignment:{preset.name}", f"{preset.name}: everyone")
        self.preset = preset.row

    def find(self, row_id: str) -> bool:
        found = _existing(Assignment, preset=self.preset, group=None, user=None)
        self.row = found or Assignment(preset=self.preset)
        return found is not None

    def write(self, changes: JSONDict) -> str:
        options: Any = changes
        return str(assign_preset(actor=None, preset=self.preset, everyone=True, **options).pk)


# -- Single rows -----------------------------------------------------------------------------


class PolicyTarget(RowTarget):
    what, can_be_deleted = "rules", False

    def __init__(self) -> None:
        super().__init__("policy", "for everyone")

    def find(self, row_id: str) -> bool:
        self.row = _existing(Policy, group=None) or Policy()
        return True

    def write(self, changes: JSONDict) -> str:
        rules: Any = changes
        return str(save_policy(actor=None, **rules).pk)


class FileRulesTarget(RowTarget):
    what, can_be_deleted = "upload rules", False

    def __init__(self) -> None:
        super().__init__("files", "for everyone")

    def find(self, row_id: str) -> bool:
        self.row = _existing(FileRules, group=None) or FileRules()
        return True


class EndpointRulesTarget(RowTarget):
    what = "upload rules"

    def __init__(self, rules: FileRules, endpoint: str) -> None:
        super().__init__(f"files:{endpoint}", f"for {endpoint}")
        self.rules, self.endpoint = rules, endpoint

    def find(self, row_id: str) -> bool:
        found = _existing(EndpointRules, rules=self.rules, endpoint=self.endpoint)
        self.row = found or EndpointRules(rules=self.rules, endpoint=self.endpoint)
        return found is not None


class BillingTarget(RowTarget):
    what, can_be_deleted = "billing rules", False

    def __init__(self) -> None:
        super().__init__("billing", "for everyone")

    def find(self, row_id: str) -> bool:
        self.row = billing_rules()
        return True

    def read(self, name: str) -> JSONValue:
        value = super().read(name)
        return float(value) if name == "currency_rate" else value

    def write(self, changes: JSONDict) -> str:
        if "currency_rate" in changes:
            rate = Decimal(str(changes["currency_rate"])).quantize(Decimal("0.000001"))
            changes = changes | {"currency_rate": rate}
        return self._save(changes)


class RoleTarget(Target):
    """Fields are ``TYPE.BIT``."""

    what, can_be_deleted = "rights of the role", False

    def __init__(self, role: str) -> None:
        super().__init__(f"role:{role}", role)
        self._stored: JSONDict = {}

    def find(self, row_id: str) -> bool:
        row = _existing(Role, name=self.name)
        self._stored = row.permissions if row and isinstance(row.permissions, dict) else {}
        return True

    def read(self, name: str) -> JSONValue:
        type_, bit = name.split(".")
        bits = self._stored.get(type_)
        return bits.get(bit, self.default(name)) if isinstance(bits, dict) else self.default(name)

    def default(self, name: str) -> JSONValue:
        type_, bit = name.split(".")
        return default_permission(self.name, PermissionType(type_), Bit(bit))

    def write(self, changes: JSONDict) -> str:
        by_type: dict[PermissionType, dict[Bit, bool]] = {}
        for name, value in changes.items():
            type_, bit = name.split(".")
            by_type.setdefault(PermissionType(type_), {})[Bit(bit)] = value
        for each, bits in by_type.items():
            set_permissions(actor=None, role_name=self.name, type_=each, bits=bits)
        return self.name
