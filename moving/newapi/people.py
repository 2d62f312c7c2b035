"""People of the old server: accounts, groups, credits, second factors."""

import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction

from accounts.models import Authenticator, Group, Membership, User
from accounts.models.user import ROLE_ADMIN, ROLE_USER
from accounts.services.groups import add_member, create_group
from accounts.validation import email_problem
from conversations.services.batches import give_way
from librechat_backend.lib.crypto import encrypt
from moving.newapi.move import Move
from moving.newapi.reading import Person, credits_of, read_person
from moving.newapi.values import Deleted, Row, Unreadable, boolean, integer, is_empty, text
from usage.ledger.movements import credit
from usage.models import LedgerEntry

# one-api creates its first administrator with this password.
WELL_KNOWN_PASSWORD = "123456"  # noqa: S105 - published, and refused here
PEOPLE_AT_ONCE = 50
_BCRYPT = re.compile(r"\$2[aby]\$(?:0[4-9]|1[0-4])\$[./A-Za-z0-9]{53}")
_SECRET = re.compile(r"[A-Z2-7]{16,128}=*")


@dataclass(frozen=True, slots=True)
class _Account:
    """Where a person's things go; ``is_new``: the account is to be made, under ``email``."""

    user_id: str
    email: str = ""
    is_new: bool = False


def take_groups(move: Move, names: Iterable[str]) -> None:
    tally = move.tally("groups")
    for name in sorted(set(names)):
        tally.read += 1
        object_id = move.names.id_of("group", name)
        group = Group.objects.filter(object_id=object_id).first()
        if group is not None:
            tally.unchanged += 1
        elif move.is_dry:
            tally.written += 1
            group = Group(name=name, object_id=object_id)
        else:
            group = create_group(actor=None, name=name[:100], object_id=object_id)
            tally.written += 1
        move.groups[name] = group


def take_people(move: Move) -> None:
    done = 0
    for rows in move.source.batches("users"):
        for start in range(0, len(rows), PEOPLE_AT_ONCE):
            _take_some(move, rows[start : start + PEOPLE_AT_ONCE])
        done += len(rows)
        move.reached("users", done)


def _take_some(move: Move, rows: Sequence[Row]) -> None:
    """A short transaction: SQLite has room for one writer, and the server may run."""
    began = time.monotonic()
    with transaction.atomic():
        for row in rows:
            _take_person(move, row)
    give_way(time.monotonic() - began)


def _take_person(move: Move, row: Row) -> None:
    tally, example = move.tally("users"), text(row, "username") or text(row, "id")
    tally.read += 1
    try:
        person = read_person(row)
        account = _account_for(move, person)
    except Deleted as problem:
        tally.skip(str(problem), example)
    except Unreadable as problem:
        tally.skip(str(problem), example, is_lost=True)
        move.refused.add(text(row, "id"))
    else:
        for what in person.left_out:
            tally.note(f"not taken over: {what}", example)
        _give(move, person, account)


def _give(move: Move, person: Person, account: _Account) -> None:
    """What the person had, unless an earlier run has given it."""
    move.user_ids[person.source_id] = account.user_id
    if account.user_id == move.names.id_of("user", person.source_id):
        move.made_here.add(account.user_id)
    if not account.is_new and account.user_id in move.made_here:
        move.tally("users").unchanged += 1
        return
    _count(move, person, account)
    if not move.is_dry:
        _write(move, person, account)


def _count(move: Move, person: Person, account: _Account) -> None:
    tally = move.tally("users")
    if account.is_new:
        tally.written += 1
        _note_what_changes(move, person, account)
    else:
        tally.merged += 1
    if credits := credits_of(max(0, person.units), move.units_per_usd):
        tally.add("credits", credits)
        move.credited.append(move.names.reference(person.source_id))


def _account_for(move: Move, person: Person) -> _Account:
    """Raises Unreadable where the address belongs to somebody here, and merging was not asked."""
    own_id = move.names.id_of("user", person.source_id)
    if User.objects.filter(pk=own_id).exists():
        return _Account(own_id)
    email = person.email
    if not email or email_problem(email):
        email = move.names.address_for(person.username, person.source_id)
    holder = User.objects.filter(email=email).values_list("pk", flat=True).first()
    if holder is None:
        return _Account(own_id, email, is_new=True)
    if holder in move.made_here:  # two accounts there had one address
        return _Account(own_id, _second_address(move, person), is_new=True)
    if move.merges:
        return _Account(holder)
    raise Unreadable("there is an account with this address; --merge-accounts gives it the rest")


def _second_address(move: Move, person: Person) -> str:
    local = f"{person.username or 'user'}-{person.source_id}"
    return move.names.address_for(local, person.source_id)


def _note_what_changes(move: Move, person: Person, account: _Account) -> None:
    tally, example = move.tally("users"), person.username or str(person.source_id)
    if account.email != person.email:
        tally.repair("signs in with a made-up address", f"{example}: {account.email}")
    if person.is_administrator and not move.makes_staff:
        tally.note("was an administrator there, and is none here (--staff)", example)
    if person.password and not _usable(person):
        tally.repair("needs a new password", example)
    if person.units < 0:
        tally.note("owed credits, which are forgotten", example)


def _usable(person: Person) -> bool:
    """A hash that costs an hour, or a password everybody knows, opens nothing here."""
    if not _BCRYPT.fullmatch(person.password):
        return False
    stored = f"bcrypt${person.password}"
    return not (person.is_administrator and check_password(WELL_KNOWN_PASSWORD, stored))


def _write(move: Move, person: Person, account: _Account) -> None:
    if account.is_new:
        user = _create(move, person, account)
    else:
        user = User.objects.get(pk=account.user_id)
    group = move.groups.get(person.group)
    if group and not Membership.objects.filter(group=group, user=user).exists():
        add_member(actor=None, group=group, user=user)
    amount = credits_of(person.units, move.units_per_usd)
    if amount > 0:
        _write_credits(move, person, user, amount)


def _write_credits(move: Move, person: Person, user: User, amount: int) -> None:
    credit(
        user=user,
        amount=amount,
        kind=LedgerEntry.Kind.IMPORT,
        reason=f"Taken over from {move.flavour}",
        reference=move.names.reference(person.source_id),
        details={
            "used_before": credits_of(person.used_units, move.units_per_usd),
            "requests_before": person.requests,
        },
    )


def _create(move: Move, person: Person, account: _Account) -> User:
    is_administrator = person.is_administrator and move.makes_staff
    user = User.objects.create(
        id=account.user_id,
        email=account.email,
        name=person.name,
        username=person.username,
        password=f"bcrypt${person.password}" if _usable(person) else make_password(None),
        role=ROLE_ADMIN if is_administrator else ROLE_USER,
        is_staff=is_administrator,
        is_superuser=is_administrator,
        is_active=person.is_active,
        email_verified=True,
    )
    if person.created_at:
        User.objects.filter(pk=user.pk).update(created_at=person.created_at)
    return user


def take_second_factors(move: Move) -> None:
    """Backup codes are hashed otherwise than ours: people make new ones."""
    tally = move.tally("two_fas")
    for rows in move.source.batches("two_fas"):
        for row in rows:
            tally.read += 1
            _take_second_factor(move, row)


def _take_second_factor(move: Move, row: Row) -> None:
    tally, example = move.tally("two_fas"), f"user {text(row, 'user_id')}"
    secret = text(row, "secret").rstrip("=")
    user_id = move.user_ids.get(integer(row, "user_id"))
    if not boolean(row, "is_enabled") or not is_empty(row, "deleted_at"):
        tally.skip("it is switched off", example)
    elif user_id is None:
        tally.skip("its person was not taken over", example)
    elif not _SECRET.fullmatch(secret):
        tally.skip("its secret is damaged", example, is_lost=True)
    elif Authenticator.objects.filter(user_id=user_id).exists():
        tally.unchanged += 1
    else:
        tally.written += 1
        tally.note("has no backup codes any more", example)
        if not move.is_dry:
            _write_second_factor(user_id, secret + "=" * (-len(secret) % 8))


@transaction.atomic
def _write_second_factor(user_id: str, secret: str) -> None:
    Authenticator.objects.create(user_id=user_id, secret=encrypt(secret))
    User.objects.filter(pk=user_id).update(two_factor_enabled=True)
