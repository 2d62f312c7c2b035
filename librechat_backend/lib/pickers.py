"""Fields of the admin that search while one types.

A form that is refused is shown again with what was chosen. What cannot be a key at all was chosen
by nobody, but Django's own fields ask the database for it, and end with an error.
"""

from typing import Any

from django.contrib.admin import widgets
from django.core.exceptions import ValidationError
from django.db.models import Field


class _KeysAlone:
    field: Any

    def optgroups(self, name: str, value: Any, attr: Any = None) -> Any:
        key = self.field.remote_field.model._meta.pk
        chosen = [each for each in value if _can_be(key, each)]
        return super().optgroups(name, chosen, attr)  # type: ignore[misc]


def _can_be(key: Field[Any, Any], value: Any) -> bool:
    try:
        key.clean(value, None)
    except ValidationError:
        return False
    return "\0" not in str(value)


class AutocompleteSelect(_KeysAlone, widgets.AutocompleteSelect):
    pass


class AutocompleteSelectMultiple(_KeysAlone, widgets.AutocompleteSelectMultiple):
    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        """What can be no key is empty, which the field refuses: it would ask the database."""
        key = self.field.remote_field.model._meta.pk
        chosen = super().value_from_datadict(data, files, name) or []
        return [each if _can_be(key, each) else "" for each in chosen]


class Pickers:
    """For pages and tables with ``autocomplete_fields``."""

    admin_site: Any

    def get_autocomplete_fields(self, request: Any) -> Any:
        return super().get_autocomplete_fields(request)  # type: ignore[misc]

    def formfield_for_foreignkey(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs.setdefault("widget", AutocompleteSelect(db_field, self.admin_site))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]

    def formfield_for_manytomany(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs.setdefault("widget", AutocompleteSelectMultiple(db_field, self.admin_site))
        return super().formfield_for_manytomany(db_field, request, **kwargs)  # type: ignore[misc]
