"""Several organisations in one database: one is moved at a time, and they are never mixed."""

from moving.sources import Document, Source
from moving.values import text

MEMBER = "tenantId"
ANOTHER = "it belongs to another tenant"


class TenantUnclear(Exception):
    """Whose people are meant; names the tenants there are."""


def require_tenant(source: Source, tenant: str) -> None:
    """Raises TenantUnclear."""
    users = (each.data for each in source.read("users") if isinstance(each, Document))
    found = sorted({name for user in users if (name := text(user, MEMBER))})
    if found and tenant not in found:
        raise TenantUnclear(f"Name one of the tenants with --tenant: {', '.join(found)}.")


def is_of(document: Document, tenant: str) -> bool:
    """What names no tenant is for all of them."""
    return text(document.data, MEMBER) in ("", tenant)
