"""From a librechat.yaml to the tables: all of it in one transaction, and once is as good as twice.

What people have changed since the last run is theirs: it stays, and the report says so.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.changes import because
from accounts.models.stamp import changing_rules
from accounts.models.user import ROLE_ADMIN, ROLE_USER
from librechat_backend.lib import json
from librechat_backend.lib.crypto import encrypt
from librechat_backend.lib.errors import AppError
from librechat_backend.lib.json import JSONDict
from moving.librechat_yaml.addresses import unallowed_hosts
from moving.librechat_yaml.endpoints import read_endpoints
from moving.librechat_yaml.environment import read_environment
from moving.librechat_yaml.file_rules import read_file_rules
from moving.librechat_yaml.interface import read_interface
from moving.librechat_yaml.merging import merge
from moving.librechat_yaml.plan import Plan, PresetPlan
from moving.librechat_yaml.report import Report
from moving.librechat_yaml.sections import read_sections
from moving.librechat_yaml.source import Source
from moving.librechat_yaml.specs import read_specs
from moving.librechat_yaml.speech import read_speech
from moving.librechat_yaml.targets import (
    HIDDEN,
    AssignmentTarget,
    BillingTarget,
    ChannelTarget,
    EndpointRulesTarget,
    FileRulesTarget,
    PolicyTarget,
    PresetTarget,
    PriceTarget,
    RoleTarget,
    Target,
)
from moving.models import LoadedThing
from presets.differences import Difference, FieldDifference, Verb
from presets.files import MAX_BYTES, InvalidFile, Place, Problem, read_file
from presets.startup import offered_endpoints

REASON = "Loaded from a librechat.yaml"
_RATES = ("input_credits", "output_credits", "cache_read_credits", "cache_write_credits")


def load(path: Path, env: Mapping[str, str], *, dry_run: bool, overwrites: bool = False) -> Report:
    """Load the file at ``path``; ``env`` is the old server's environment.

    ``overwrites``: what people have changed since the last run is changed back. Raises
    InvalidFile, with lines, and OSError.
    """
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    document = read_file(path.name, content)
    if not isinstance(document.value, dict):
        raise InvalidFile([Problem(1, "", "A librechat.yaml holds names with values.")])
    source = Source(document, env)
    plan = read_plan(source)
    text = content.decode("utf-8-sig")
    variables = read_environment(env, plan, settings.ENVIRONMENT.names, text)
    _allow_hosts(plan)
    report = Report(path.name, dry_run, variables=variables, missing=source.missing)
    with changing_rules(), because(REASON):
        _Loading(source, plan, report, overwrites).run()
        if dry_run:
            transaction.set_rollback(True)
    report.settings = [s for s in plan.settings if settings.ENVIRONMENT.text(s.name) != s.value]
    report.lines = source.finish()
    return report


def read_plan(source: Source) -> Plan:
    """What the file asks for; touches no table."""
    plan, root = Plan(), source.root
    read_endpoints(root, plan, settings.PROVIDER_ENVIRONMENT)
    read_speech(root, plan)
    read_specs(root, plan)
    read_interface(root, plan)
    read_file_rules(root, plan)
    read_sections(root, plan)
    return plan


def _allow_hosts(plan: Plan) -> None:
    """The old server's operator wrote these addresses; this server's has to allow them."""
    addresses = [str(channel.fields.get("base_url", "")) for channel in plan.channels]
    allowed: list[str] = settings.ALLOWED_INTERNAL_HOSTS
    new = [host for host in (*unallowed_hosts(addresses), *plan.hosts) if host not in allowed]
    if new:
        hosts = ",".join(dict.fromkeys([*allowed, *new]))
        plan.set("ALLOWED_INTERNAL_HOSTS", hosts, "endpoints")


class _Loading:
    def __init__(self, source: Source, plan: Plan, report: Report, overwrites: bool) -> None:
        self.source, self.plan, self.report = source, plan, report
        self.overwrites = overwrites
        self.loaded = {row.mark: row for row in LoadedThing.objects.all()}
        self.seen: set[str] = set()

    def run(self) -> None:
        self._load_channels()
        self._load_presets(self.plan.presets)
        self._load(PolicyTarget(), self._rules(), ("modelSpecs",))
        for role in (ROLE_USER, ROLE_ADMIN):
            self._load(RoleTarget(role), self.plan.roles, ("interface",))
        self._load_files()
        self._load(BillingTarget(), self.plan.billing, ("balance",))
        self._keep()
        gone = (row for mark, row in self.loaded.items() if mark not in self.seen and row.row_id)
        self.report.gone = sorted(row.mark.replace(":", " ") for row in gone)

    def _load_channels(self) -> None:
        for channel in self.plan.channels:
            target, wanted = ChannelTarget(channel), ChannelTarget(channel).wanted
            if channel.fetches_models and channel.mark in self.loaded:
                del wanted["model_names"]  # they have been fetched, or will be
            if self._load(target, wanted, channel.place):
                self._load_prices(target)
                if channel.fetches_models:
                    self.report.fetchable.append(str(target.row.pk))

    def _load_prices(self, channel: ChannelTarget) -> None:
        for model, rates in channel.plan.prices.items():
            place = (*channel.plan.place, "tokenConfig", model)
            self._load(PriceTarget(channel, model), dict.fromkeys(_RATES) | rates, place)

    def _load_presets(self, plans: Iterable[PresetPlan]) -> None:
        """The default last, so that there are never two."""
        for plan in sorted(plans, key=lambda each: bool(each.given["is_default"])):
            preset = PresetTarget(plan)
            if self._load(preset, plan.fields, plan.place):
                self._load(AssignmentTarget(preset), plan.given, plan.place)

    def _rules(self) -> JSONDict:
        """Without endpoints that are not there."""
        rules = dict(self.plan.policy)
        added = rules.get("added_endpoints")
        if added:
            offered = {info.name for info in offered_endpoints()}
            for number, name in enumerate(added):
                if name not in offered:
                    place = (*self.plan.policy_places["added_endpoints"], number)
                    self.source.withdraw(place, f"There is no endpoint “{name}” that works.")
            rules["added_endpoints"] = [name for name in added if name in offered]
        return rules

    def _load_files(self) -> None:
        rules = FileRulesTarget()
        if not self.plan.files and not self.plan.endpoint_files:
            return
        self._load(rules, self.plan.files, ("fileConfig",))
        if rules.row._state.adding and self.plan.endpoint_files:
            rules.row.save()
        for endpoint, limits in self.plan.endpoint_files.items():
            place = ("fileConfig", "endpoints", endpoint)
            self._load(EndpointRulesTarget(rules.row, endpoint), limits, place)

    def _keep(self) -> None:
        """Secrets may stand in it, so it is encrypted as it is."""
        for section, value in self.plan.kept.items():
            text = json.dumps(value).decode()
            LoadedThing.objects.update_or_create(
                mark=f"kept:{section}", defaults={"fields": {"encrypted": encrypt(text)}}
            )

    # -- One row -----------------------------------------------------------------------------

    def _load(self, target: Target, wanted: Mapping[str, object], place: Place) -> bool:
        """Whether the row is there in the end."""
        self.seen.add(target.mark)
        last = self.loaded.get(target.mark)
        is_there = target.find(last.row_id if last else "")
        if not wanted:
            return is_there
        if not is_there and last:
            if last.row_id and not self.overwrites:
                self.report.by_hand.append(Difference(Verb.REMOVE, target.what, target.name))
                return False
            target.find("")
        try:
            with transaction.atomic():
                self._write(target, dict(wanted), last, is_there=is_there)
        except (AppError, ValidationError) as error:
            self.source.withdraw(place, _sentences(error))
            return is_there
        return True

    def _write(
        self, target: Target, wanted: JSONDict, last: LoadedThing | None, *, is_there: bool
    ) -> None:
        current = {name: target.read(name) for name in wanted}
        defaults = {name: target.default(name) for name in wanted}
        loaded = last.fields if last and is_there else {}
        merged = merge(wanted, current, loaded, defaults, overwrites=self.overwrites)
        changes = merged.changes if is_there else wanted
        row_id = target.write(changes) if changes or not is_there else None
        self._remember(target, wanted, row_id, last)
        verb = Verb.CHANGE if is_there else Verb.ADD
        if changes or not is_there:
            fields = _shown({name: (current[name], value) for name, value in changes.items()})
            self.report.differences.append(Difference(verb, target.what, target.name, fields))
        if merged.by_hand and is_there:
            fields = _shown(merged.by_hand)
            self.report.by_hand.append(Difference(verb, target.what, target.name, fields))

    def _remember(
        self, target: Target, wanted: JSONDict, row_id: str | None, last: LoadedThing | None
    ) -> None:
        if row_id is None and last is not None and last.fields == wanted:
            return
        LoadedThing.objects.update_or_create(
            mark=target.mark,
            defaults={"fields": wanted, **({"row_id": row_id} if row_id else {})},
        )


def _shown(values: Mapping[str, tuple[object, object]]) -> tuple[FieldDifference, ...]:
    return tuple(
        FieldDifference(name, "…" if there else "", "…")
        if name in HIDDEN
        else FieldDifference(name, there, value)
        for name, (there, value) in values.items()
    )


def _sentences(error: Exception) -> str:
    return " ".join(error.messages) if isinstance(error, ValidationError) else str(error)
