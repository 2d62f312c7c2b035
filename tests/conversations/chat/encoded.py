"""Events of a small turn, and the frame each becomes."""

from typing import Any

from conversations.chat.encoder import Encoder
from conversations.chat.events import Created, Finished, TurnEvent

CREATED = Created(
    conversation_id="c1",
    response_message_id="a1",
    sender="GPT-4.1",
    endpoint="openAI",
    model="gpt-4.1",
    icon_url="",
    user_message={
        "message_id": "u1", "parent_message_id": "p1", "text": "When?", "quotes": [], "files": [],
    },
)  # fmt: skip
MOMENT = "2026-01-01T00:00:00.000Z"
CONVERSATION = {
    "id": "66f1", "conversation_id": "c1", "user_id": "66a1", "title": "Tides",
    "endpoint": "openAI", "endpoint_type": "", "model": "gpt-4.1", "spec": "", "icon_url": "",
    "settings": {"temperature": 0.5}, "tags": [], "files": [], "is_archived": False,
    "archived_at": None, "is_pinned": False, "is_temporary": False, "project_id": None,
    "expired_at": None, "created_at": MOMENT, "updated_at": MOMENT,
}  # fmt: skip


def _row(**values: Any) -> dict[str, Any]:
    row = {
        "id": "66f2", "message_id": "u1", "conversation__conversation_id": "c1",
        "parent_message_id": "p1", "is_created_by_user": True, "sender": "User", "text": "When?",
        "content": None, "endpoint": "openAI", "model": "", "icon_url": "", "error": False,
        "unfinished": False, "finish_reason": "", "token_count": None, "files": [],
        "attachments": [], "quotes": [], "feedback": None, "metadata": {}, "is_temporary": False,
        "expired_at": None, "created_at": MOMENT, "updated_at": MOMENT,
    }  # fmt: skip
    return row | values


def _response(**values: Any) -> dict[str, Any]:
    return _row(
        **{
            "message_id": "a1", "parent_message_id": "u1", "is_created_by_user": False,
            "sender": "GPT-4.1", "text": "", "model": "gpt-4.1",
            "content": [{"type": "text", "text": "At noon."}], **values,
        }
    )  # fmt: skip


def finished(is_aborted: bool = False, **response: Any) -> Finished:
    """The end of the turn, with an answer of these values."""
    return Finished(CONVERSATION, _row(), _response(**response), ["66f2", "66f3"], is_aborted)


def frame_of(event: TurnEvent, *before: TurnEvent) -> dict[str, Any]:
    """The payload of an event that comes after CREATED and these."""
    following = Encoder()
    following.skip([CREATED, *before])
    (payload,) = following.payloads([event])
    return payload
