"""Preview: what the client shows a person, beside the reasons."""

import re
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts.group_permissions import can_see_person
from accounts.groups import effective_groups
from accounts.models import User
from librechat_backend.lib.json import JSONDict
from presets.admin.fields import PersonField
from presets.admin.history import field_text
from presets.admin.scope import has_everything, managed_ids, person_of, visible_people
from presets.explain import PresetExplanation, State, explain_resolution
from presets.explain_fields import FieldExplanation
from presets.models import Preset
from presets.permissions import presets_with_readable_instructions
from presets.resolver import Offer, offer_for
from presets.serializers import endpoints_to_wire, models_to_wire, spec_to_wire

# What only those who manage a preset may read.
_PRIVATE = frozenset({"system_message"})


class PersonForm(forms.Form):
    person = PersonField()


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """One line of the client's menu. ``folder`` is given where a new one begins."""

    name: str
    description: str
    endpoint: str
    model: str
    is_default: bool
    is_inside: bool
    starters: tuple[str, ...]
    folder: str = ""


@dataclass(frozen=True, slots=True)
class ReadableField:
    label: str
    value: str
    is_locked: bool
    bounds: str
    sentence: str
    losers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ReadableExplanation:
    explanation: PresetExplanation
    is_visible: bool
    fields: tuple[ReadableField, ...]


def show(admin: Any, request: HttpRequest) -> HttpResponse:
    """Raises PermissionDenied for a person who is none of one's own."""
    require_manager(request)
    form = PersonForm(request.GET or None)
    person = form.cleaned_data["person"] if form.is_bound and form.is_valid() else None
    if person is not None and not can_see_person(person_of(request), person):
        raise PermissionDenied
    context = {
        **admin.admin_site.each_context(request),
        "title": f"What {person} sees" if person else "Preview as a person",
        "opts": Preset._meta,
        "form": form,
        "people": visible_people(request),
        "person": person,
        **(_preview(request, person) if person else {}),
    }
    return TemplateResponse(request, "presets/admin/preview.html", context)


def require_manager(request: HttpRequest) -> None:
    """Raises PermissionDenied unless the person manages presets or a group."""
    if not has_everything(request, Preset._meta, "view") and not managed_ids(request):
        raise PermissionDenied


def _preview(request: HttpRequest, person: User) -> JSONDict:
    offer = offer_for(person)
    readable = presets_with_readable_instructions(person_of(request))
    explained = explain_resolution(offer.resolution, unavailable=offer.unavailable)
    return {
        "menu": menu_of(offer),
        "switches": switches_of(offer),
        "endpoints": _endpoints(offer),
        "groups": effective_groups(person.id),
        "explanations": [_readable(each, readable) for each in explained],
    }


def menu_of(offer: Offer) -> list[MenuEntry]:
    """The entries in the client's order: what is in no folder, what is in the folders of
    endpoints, and the other folders, each where its first entry stands."""
    specs = [spec_to_wire(preset, offer, order=n) for n, preset in enumerate(offer.listed)]
    entries = []
    for folder in _folders(specs, offer):
        inside = [spec for spec in specs if spec.get("group", "") == folder]
        entries += [_entry(spec, is_first=place == 0) for place, spec in enumerate(inside)]
    return entries


def _folders(specs: list[JSONDict], offer: Offer) -> list[str]:
    """The first is none. Names of endpoints are folders of their own where models are open."""
    named = dict.fromkeys(spec["group"] for spec in specs if spec.get("group"))
    added = offer.policy.added_endpoints
    open_names = [
        info.name
        for info in offer.endpoints
        if offer.opens_models and (added is None or info.name in added)
    ]
    of_endpoints = [name for name in open_names if name in named]
    others = [name for name in named if name not in of_endpoints]
    # The client keeps them as members of an object, where whole numbers come first.
    numbers = sorted((name for name in others if re.fullmatch(r"0|[1-9]\d{0,8}", name)), key=int)
    return ["", *of_endpoints, *numbers, *(name for name in others if name not in numbers)]


def _entry(spec: JSONDict, *, is_first: bool) -> MenuEntry:
    folder = spec.get("group", "")
    return MenuEntry(
        name=spec["label"],
        description=spec.get("description", ""),
        endpoint=spec["preset"]["endpoint"],
        model=spec["preset"]["model"],
        is_default=bool(spec.get("default") or spec.get("softDefault")),
        is_inside=bool(folder),
        starters=tuple(spec.get("conversation_starters", ())),
        folder=folder if is_first else "",
    )


def switches_of(offer: Offer) -> list[tuple[str, bool]]:
    policy = offer.policy
    return [
        ("Other models can be chosen, too", offer.opens_models),
        ("Parameters can be changed", policy.allows_override),
        ("Personal presets", policy.allows_personal_presets and not policy.enforce),
        ("New chats start with a preset", policy.prioritize and bool(offer.listed)),
        ("The default yields to what was chosen last", policy.default_is_soft),
    ]


def _endpoints(offer: Offer) -> list[tuple[str, list[str]]]:
    shown, models = endpoints_to_wire(offer.endpoints), models_to_wire(offer.endpoints)
    return [(name, models[name]) for name in shown if models.get(name)]


def _readable(explained: PresetExplanation, readable: set[str]) -> ReadableExplanation:
    hidden = _PRIVATE if explained.preset_id not in readable else frozenset()
    return ReadableExplanation(
        explanation=explained,
        is_visible=explained.state is State.VISIBLE,
        fields=tuple(_field(each, is_private=each.name in hidden) for each in explained.fields),
    )


def _field(explained: FieldExplanation, *, is_private: bool) -> ReadableField:
    losers = (
        (f"{field_text(explained.name, loser.value)} ({loser.preset})", loser.sentence)
        for loser in explained.losers
    )
    return ReadableField(
        label=explained.label,
        value="(private)" if is_private else field_text(explained.name, explained.value),
        is_locked=explained.is_locked,
        bounds=_range(explained.bounds),
        sentence=explained.sentence,
        losers=() if is_private else tuple(losers),
    )


def _range(bounds: tuple[float | None, float | None] | None) -> str:
    low, high = bounds or (None, None)
    sides = (("at least", low), ("at most", high))
    return ", ".join(f"{word} {limit:g}" for word, limit in sides if limit is not None)
