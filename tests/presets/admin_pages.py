"""What a person does in the admin, for the tests to read like that."""

from typing import Any

from django.test import Client

from accounts.models import Group, User
from accounts.services.groups import add_member, create_group
from presets.models import Preset
from presets.services import save_preset

PRESETS = "/admin/presets/preset/"
ASSIGNMENTS = "/admin/presets/assignment/"
RULES = "/admin/presets/policy/"
GROUPS = "/admin/accounts/group/"


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def make_preset(name: str = "House", actor: User | None = None, **fields: Any) -> Preset:
    given = {"name": name, "endpoint": "openAI", "model": "gpt-4.1"} | fields
    return save_preset(actor=actor, preset=None, fields=given)


def make_group(name: str, parent: Group | None = None, manager: User | None = None) -> Group:
    group = create_group(actor=None, name=name, parent=parent)
    if manager:
        add_member(actor=None, group=group, user=manager, role="manager")
    return group


def typed(response: Any, **changes: Any) -> dict[str, Any]:
    """What the browser would send from this page, with ``changes``; None takes a field away."""
    context = response.context
    formsets = [each.formset for each in context.get("inline_admin_formsets") or ()]
    forms = [context["adminform"].form] if "adminform" in context else []
    if context.get("cl") is not None and context["cl"].formset is not None:
        formsets.append(context["cl"].formset)
    forms += [form for each in formsets for form in (each.management_form, *each.forms)]
    data: dict[str, Any] = {}
    for form in forms:
        for field in form:
            value = field.value()
            if field.field.disabled or value is None or value is False:
                continue
            data[field.html_name] = "on" if value is True else value
    data |= {name: value for name, value in changes.items() if value is not None}
    return {name: value for name, value in data.items() if changes.get(name, "") is not None}


def submit(client: Client, url: str, **changes: Any) -> Any:
    """Open the page, type ``changes``, and save."""
    return client.post(url, typed(client.get(url), **changes))


def add_row(prefix: str, number: int = 0, **values: Any) -> dict[str, Any]:
    """A new row of a table on the page."""
    total = {f"{prefix}-TOTAL_FORMS": number + 1}
    return total | {f"{prefix}-{number}-{name}": value for name, value in values.items()}


def errors_of(response: Any) -> dict[str, list[str]]:
    """Field → messages, of all forms of the page."""
    assert response.status_code == 200, response.headers
    context = response.context
    found: dict[str, list[str]] = {}
    forms = [context["adminform"].form] if "adminform" in context else []
    formsets = [each.formset for each in context.get("inline_admin_formsets") or ()]
    if context.get("cl") is not None and context["cl"].formset is not None:
        formsets.append(context["cl"].formset)
    for form in (*forms, *(form for each in formsets for form in each.forms)):
        for name, messages in form.errors.items():
            key = form.add_prefix(name) if name != "__all__" else name
            found[key] = [str(message) for message in messages]
    return found


def messages_of(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]
