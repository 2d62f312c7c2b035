"""People: how they sign in, what they may, what they prefer."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from accounts.models import User
from accounts.models.user import ROLE_ADMIN, ROLE_USER, normalize_email
from accounts.validation import email_problem
from librechat_backend.lib.json import JSONDict
from moving import paths
from moving.collections.base import Collection
from moving.collections.files import avatar_row, store_files
from moving.collections.role_groups import place_in_role_groups
from moving.collections.sign_in import store_identities, store_second_factors
from moving.job import EXPIRED, NOT_CHOSEN, Job
from moving.models import MergedAccount
from moving.rows import Row
from moving.sources import Document
from moving.table import Table
from moving.tally import Tally
from moving.values import (
    created_at,
    document_id,
    is_past,
    items,
    members,
    moment,
    rows,
    text,
    texts,
    updated_at,
)

UNVERIFIED_GRACE = timedelta(days=7)
BCRYPT = ("$2a$", "$2b$", "$2y$")
ADDRESS_TAKEN = "another account has its address; --merge-accounts makes them one"
NEW_PASSWORD = "they need a new password: theirs is not hashed with bcrypt"  # noqa: S105
FAVORITES_MAX = 50
TOO_MANY_FAVORITES = f"only the first {FAVORITES_MAX} of its favourites are here"
UNREADABLE = "of “{}” only what can be understood was taken"
# What an administrator decided here.
KEPT = ("last_login", "is_superuser", "is_staff", "is_active", "awaits_approval")
TABLE = Table(User, ("email",), kept=KEPT)


def write(documents: Sequence[Document], job: Job) -> None:
    known = [each.data for each in documents if _is_wanted(each.data, job)]
    own = [document for document in known if _is_own(document, job)]
    written = TABLE.store([_columns(document, job) for document in own], job.tally)
    place_in_role_groups(written, job.roles)
    changed = {row["id"] for row in written}
    fresh = [document for document in own if document_id(document) in changed]
    store_identities(fresh, job)
    store_second_factors(fresh, job)
    _store_avatars(fresh, job)


def _store_avatars(documents: Sequence[JSONDict], job: Job) -> None:
    """They are files here; counted with nobody's documents."""
    owned = [(each, avatar_row(each, document_id(each))) for each in documents]
    rows = [row for _, row in owned if row is not None]
    found = {
        row["id"]: paths.location(text(document, "avatar"))
        for document, row in owned
        if row is not None
    }
    store_files(rows, found, replace(job, tally=Tally()))


def _is_wanted(document: JSONDict, job: Job) -> bool:
    email = _email(document)
    if email_problem(email):
        job.tally.skip("it has no address", document_id(document), is_lost=True)
    elif is_past(document, "expiresAt", job.now, UNVERIFIED_GRACE):
        job.tally.skip(EXPIRED, document_id(document))
    elif job.options.users and email not in job.options.users:
        job.tally.skip(NOT_CHOSEN)
    else:
        return True
    return False


def _is_own(document: JSONDict, job: Job) -> bool:
    """Whether it becomes an account of its own. An address belongs to who has it here."""
    source_id, email = document_id(document), _email(document)
    owner = job.people.owner_of_email(email) or job.ahead.accounts.get(email, source_id)
    if owner == source_id:
        job.people.add(source_id, source_id, email)
        return True
    if not job.options.merges_accounts:
        job.tally.skip(ADDRESS_TAKEN, f"{email} {source_id}", is_lost=True)
        return False
    job.people.add(source_id, owner, email)
    job.tally.merged += 1
    return False


def remember_merged(job: Job) -> None:
    """Once all accounts are here, wherever the source has them."""
    if not job.options.merges_accounts:
        return
    for document in job.ahead.people():
        source_id, owner = document_id(document), job.people.owner_of_email(_email(document))
        if owner not in (None, source_id) and User.objects.filter(pk=owner).exists():
            MergedAccount.objects.update_or_create(pk=source_id, defaults={"user_id": owner})


def _email(document: JSONDict) -> str:
    return normalize_email(text(document, "email"))


def _columns(document: JSONDict, job: Job) -> Row:
    role = text(document, "role") or ROLE_USER
    is_staff = job.options.makes_staff and role == ROLE_ADMIN
    return {
        "id": document_id(document),
        "email": _email(document),
        "password": _password(document, job),
        "name": text(document, "name"),
        "username": text(document, "username"),
        "avatar": _avatar(document),
        "role": role,
        "provider": text(document, "provider") or "local",
        "email_verified": document.get("emailVerified") is True,
        "two_factor_enabled": document.get("twoFactorEnabled") is True,
        **_preferences(document, job),
        "terms_accepted_at": _terms(document),
        "expires_at": moment(document.get("expiresAt")),
        "last_login": None,
        "is_superuser": is_staff,
        "is_staff": is_staff,
        "is_active": True,
        "awaits_approval": False,
        "created_at": created_at(document),
        "updated_at": updated_at(document),
    }


def _avatar(document: JSONDict) -> str:
    """``manual`` tells that the person chose it, and no provider may replace it."""
    address = text(document, "avatar")
    moved = paths.moved(address, document_id(document))
    is_chosen = "manual=true" in address and "?" not in moved
    return f"{moved}?manual=true" if is_chosen else moved


def _password(document: JSONDict, job: Job) -> str:
    """The prefix names the hasher that knows it and makes a stronger hash at the next sign-in."""
    stored = text(document, "password")
    if stored.startswith(BCRYPT):
        return f"bcrypt${stored}"
    if stored:
        job.tally.note(NEW_PASSWORD, _email(document), is_lost=True)
    return "!"


def _preferences(document: JSONDict, job: Job) -> JSONDict:
    if len(items(document.get("favorites"))) > FAVORITES_MAX:
        job.tally.repair(TOO_MANY_FAVORITES, document_id(document))
    states = members(document.get("skillStates"))
    found: JSONDict = {
        "personalization": members(document.get("personalization")),
        "favorites": rows(document.get("favorites")),
        "pinnedOrder": texts(document.get("pinnedOrder")),
        "plugins": [name for name in items(document.get("plugins")) if isinstance(name, str)],
        "skillStates": {name: is_on for name, is_on in states.items() if isinstance(is_on, bool)},
    }
    for name, taken in found.items():
        if document.get(name) not in (None, taken):
            job.tally.repair(UNREADABLE.format(name), document_id(document))
    return {
        "personalization": {"memories": True} | found["personalization"],
        "favorites": found["favorites"][:FAVORITES_MAX],
        "pinned_order": found["pinnedOrder"],
        "plugins": found["plugins"],
        "skill_states": found["skillStates"],
    }


def _terms(document: JSONDict) -> datetime | None:
    """Old databases know only that they were accepted."""
    if document.get("termsAccepted") is not True:
        return None
    return moment(document.get("termsAcceptedAt")) or updated_at(document)


USERS = Collection("users", write, TABLE, remember_merged)
