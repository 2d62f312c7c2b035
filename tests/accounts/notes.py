"""A type of resource for the tests of sharing: notes, which are in no table."""

from collections.abc import Iterable

from accounts.access_roles import OWNER_BITS, AccessBits, ResourceType
from accounts.models import User
from accounts.permissions import PermissionType
from accounts.services.access import make_owner
from accounts.shareable import Shareable

TYPE = ResourceType.PROMPT_GROUP
VIEWER, EDITOR, OWNER = AccessBits.VIEW, AccessBits.VIEW | AccessBits.EDIT, OWNER_BITS
SHAREABLE = {str(TYPE): "tests.accounts.notes.NOTES"}

_owners: dict[str, str] = {}


def make_note(owner: User, note_id: str) -> str:
    _owners[note_id] = owner.pk
    make_owner(user=owner, resource_type=TYPE, resource_id=note_id)
    return note_id


def forget_notes() -> None:
    _owners.clear()


def _owned_by(user_id: str) -> Iterable[str]:
    return [note_id for note_id, owner_id in _owners.items() if owner_id == user_id]


NOTES = Shareable(PermissionType.PROMPTS, owner_of=_owners.get, owned_by=_owned_by)
LINKS = Shareable(
    PermissionType.SHARED_LINKS, owner_of=_owners.get, owned_by=_owned_by, has_single_owner=True
)
