"""Rows that others may have deleted between being found and being used."""

from django.db.models import Model


def gone(**named: Model | None) -> dict[str, list[str]]:
    """What is wrong beside each name. Inside of changing_rules, where nobody can delete them."""
    return {
        name: [f"“{row}” has been deleted."]
        for name, row in named.items()
        if row is not None and not type(row)._default_manager.filter(pk=row.pk).exists()
    }
