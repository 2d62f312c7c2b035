"""``manage.py import_newapi``, as an operator calls it, and how many rows there are after it."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Group, Membership, User
from billing.models import Voucher
from gateway.models import ApiToken
from providers.models import Channel, ChannelKey
from usage.models import Balance, Budget, LedgerEntry


def run(path: Path, *options: str) -> str:
    """What the command says; raises CommandError."""
    out = StringIO()
    call_command("import_newapi", str(path), *options, stdout=out)
    return out.getvalue()


def run_anyhow(path: Path, *options: str) -> str:
    """What it says where something is missing."""
    out = StringIO()
    with pytest.raises(CommandError, match="Something is missing"):
        call_command("import_newapi", str(path), *options, stdout=out)
    return out.getvalue()


def counts() -> list[int]:
    """Of all rows a move writes."""
    models = (
        User,
        Group,
        Voucher,
        Membership,
        Channel,
        ChannelKey,
        ApiToken,
        Budget,
        LedgerEntry,
        Balance,
    )
    return [model._default_manager.count() for model in models]
