"""What is here already when a turn begins, asked at once."""

from dataclasses import dataclass
from typing import Any

from accounts.models import Role, User
from conversations import often
from conversations.chat.request import TurnRequest
from conversations.models import Conversation, Generation
from conversations.remembered import asking_for_memories
from librechat_backend.lib.errors import NotFound
from librechat_backend.lib.ids import NO_PARENT
from librechat_backend.lib.together import Statement, run_together
from presets.snapshot import Stamps, asking_for_stamps


class AlreadyStarted(Exception):
    """The same ``clientRequestId`` was seen before: a repetition after a lost answer."""

    def __init__(self, generation: Generation) -> None:
        super().__init__(generation.id)
        self.generation = generation


class ConversationBusy(Exception):
    """Another generation runs in this conversation; a new one replaces it."""

    def __init__(self, generation: Generation) -> None:
        super().__init__(generation.id)
        self.generation = generation


@dataclass(frozen=True, slots=True)
class Known:
    """What a request names is a list of one or nothing: ``repeated`` by its own id, and of its chat
    ``found``, the generation that is ``running``, the newest ``epoch``, and the key of the
    ``parent``. ``history`` are all rows of the chat; ``role`` tells whether ``memories`` count.
    """

    stamps: Stamps
    repeated: list[Generation]
    found: list[Conversation]
    running: list[Generation]
    epoch: list[int]
    parent: list[str]
    history: list[dict[str, Any]]
    role: list[Role]
    memories: list[dict[str, Any]]

    def refuse_repetition(self) -> None:
        """Raises AlreadyStarted."""
        for generation in self.repeated:
            raise AlreadyStarted(generation)

    def conversation(self) -> Conversation:
        """Raises NotFound, and ConversationBusy while something runs in it."""
        if not self.found:
            raise NotFound("Conversation not found", key="error")
        for generation in self.running:
            raise ConversationBusy(generation)
        return self.found[0]


def look_up(user: User, request: TurnRequest) -> Known:
    """One way to the database."""
    asked = {"stamps": asking_for_stamps(), **asking_for_memories(user)}
    if request.client_request_id is not None:
        asked["repeated"] = often.generation_of_request.asking(
            user_id=user.pk, request_id=request.client_request_id
        )
    if request.conversation_id is not None:
        asked |= _of_chat({"user_id": user.pk, "conversation_id": request.conversation_id}, request)
    nothing: dict[str, Any] = {name: [] for name in Known.__slots__}
    return Known(**nothing | dict(zip(asked, run_together(*asked.values()), strict=True)))


def _of_chat(chat: dict[str, str], request: TurnRequest) -> dict[str, Statement[Any]]:
    asked: dict[str, Statement[Any]] = {
        "found": often.own_conversation.asking(**chat),
        "running": often.running_generation.asking(**chat),
        "epoch": often.last_epoch.asking(**chat),
        "history": often.history.asking(**chat),
    }
    if request.parent_message_id != NO_PARENT:
        asked["parent"] = often.message_key.asking(**chat, message_id=request.parent_message_id)
    return asked
