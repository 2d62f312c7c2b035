"""The stored side of a turn: what is written when it begins and when it ends.

A turn begins in one transaction (conversation, message of the user, generation) and ends in one
(answer, conversation, generation), so nobody ever sees half of either.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from accounts.permissions import Bit, PermissionType, require_permission
from accounts.services.locks import lock_user
from conversations import often
from conversations.chat.content import join_parts
from conversations.chat.events import Failed, Finished
from conversations.chat.request import TurnRequest
from conversations.message_text import message_text
from conversations.models import Conversation, Generation, Message, Project
from conversations.search import indexing_new
from conversations.services.background import Background, background_of
from conversations.services.columns import Column, column_state, columns_of, resolve_added
from conversations.services.generations import require_room
from conversations.services.known import Known, look_up
from conversations.services.questions import question_of
from conversations.services.retention import expiry
from librechat_backend.lib.ids import new_uuid
from librechat_backend.lib.json import JSONDict
from librechat_backend.lib.refusals import require_for_good
from librechat_backend.lib.times import to_epoch_ms
from librechat_backend.lib.together import Statement, run_together, write_together
from presets.parameters import sender_label
from presets.resolver import ResolvedTurn, resolve_turn
from usage.entries import RequestEntry
from usage.ledger.pools import Billing, billing_under
from usage.ledger.settling import settle
from usage.prices import current_prices
from usage.pricing import PriceTable
from usage.rows import storing_rows, write_rows

Status = Generation.Status
DELETED = "The conversation was deleted."
MESSAGE_DELETED = "A message of this turn was deleted."
NOT_AS_IT_WAS = "This answer could not be stored as it was."
_FAILURES = (DatabaseError, UnicodeError)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn that has begun. Rows are mappings of the models' field names; ``is_stored`` is set at
    its end, whatever came of it; ``requests`` are the rows of its calls that are stored then."""

    generation: Generation
    user: User
    request: TurnRequest
    resolved: ResolvedTurn
    conversation: Conversation
    user_message: JSONDict
    retained: list[JSONDict]
    is_new: bool
    sender: str
    columns: tuple[Column, ...]
    prices: PriceTable
    billing: Billing
    background: Background
    is_stored: asyncio.Event = field(default_factory=asyncio.Event)
    requests: list[RequestEntry] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a turn ended. ``content`` None with ``error_text`` is an error bubble (02 §7.1 d).
    ``requests`` are the rows of its calls of models, which are stored, and paid, with it.
    ``served``: the preset that answered instead of what was asked for."""

    status: Status
    content: list[JSONDict] | None
    error_text: str = ""
    is_unfinished: bool = False
    finish_reason: str = ""
    token_count: int | None = None
    metadata: JSONDict = field(default_factory=dict)
    attached: list[JSONDict] = field(default_factory=list)
    requests: tuple[RequestEntry, ...] = ()
    served: ResolvedTurn | None = None


# -- Beginning -----------------------------------------------------------------------------


def begin_turn(*, user: User, request: TurnRequest, process: str) -> Turn:
    """Store the start of a turn that ``process`` will run.

    Raises AlreadyStarted, ConversationBusy, or an AppError that says why it is refused; then
    nothing was written.
    """
    try:
        known = look_up(user, request)
        known.refuse_repetition()
        if not (settings.LIMIT_CONCURRENT_MESSAGES or request.file_ids):
            return _begin(user, request, process, known)
        with transaction.atomic():
            _require_room(user, request)
            return _begin(user, request, process, known)
    except IntegrityError:
        # Somebody else began at the same moment; say what the second one should hear.
        known = look_up(user, request)
        known.refuse_repetition()
        known.conversation()
        raise


def _require_room(user: User, request: TurnRequest) -> None:
    if settings.LIMIT_CONCURRENT_MESSAGES:
        lock_user(user)  # of several that come at once, none is counted too late
        require_room(user=user, request=request)


def _begin(user: User, request: TurnRequest, process: str, known: Known) -> Turn:
    resolved = resolve_turn(
        user,
        endpoint=request.endpoint,
        model=request.model,
        spec=request.spec,
        settings=request.settings,
        stamps=known.stamps,
    )
    added = resolve_added(user, request, known.stamps)
    now = timezone.now()
    is_new = request.conversation_id is None
    conversation = _new_conversation(user, request, now) if is_new else known.conversation()
    chat = _with_settings(conversation, resolved, now, is_new=is_new)
    message, retained, question = question_of(conversation, request, now, known.parent)
    sender = sender_label(resolved.label, resolved.model, resolved.settings)
    columns = columns_of(request, resolved, added, retained)
    generation = _generation(
        conversation, request, resolved, process, message, known.epoch,
        {
            "sender": sender, "retained": retained, "is_new": is_new,
            "is_parallel": bool(columns[0].agent_id),
            "preset": resolved.spec, "preset_version": resolved.preset_version,
            "moved": resolved.moved, "columns": [
                column_state(column.resolved, column.agent_id) for column in columns
            ],
        },
    )  # fmt: skip
    write_together(chat, *question, often.new_generation.inserting(generation))
    row = message.as_row(conversation)
    return Turn(
        generation, user, request, resolved, conversation, row,
        retained, is_new, sender, columns, current_prices(resolved.access_stamp),
        billing_under(resolved.access_stamp, exists=resolved.has_billing),
        background_of(user, known, resolved, row),
    )  # fmt: skip


def _with_settings(
    conversation: Conversation, resolved: ResolvedTurn, now: datetime, *, is_new: bool
) -> Statement[int]:
    """It is stored with the settings of this turn (contract 03 §2.11)."""
    conversation.endpoint = resolved.endpoint
    conversation.endpoint_type = "custom" if resolved.is_custom else ""
    conversation.model = resolved.model
    conversation.spec = resolved.spec
    conversation.icon_url = resolved.icon_url
    conversation.settings = resolved.settings
    # Each turn gives it its whole time again.
    conversation.expired_at = expiry(is_temporary=conversation.is_temporary, now=now)
    conversation.updated_at = now
    if is_new:
        return often.new_conversation.inserting(conversation)
    columns = {name: getattr(conversation, name) for name in often.SETTINGS_FIELDS}
    return often.new_settings.updating(pk=conversation.pk, **columns)


def _new_conversation(user: User, request: TurnRequest, now: datetime) -> Conversation:
    if request.is_temporary:
        require_permission(user, PermissionType.TEMPORARY_CHAT, Bit.USE)
    return Conversation(
        conversation_id=new_uuid(),
        user=user,
        project=_project(user, request),
        is_temporary=request.is_temporary,
        created_at=now,
        updated_at=now,
    )


def _project(user: User, request: TurnRequest) -> Project | None:
    """The project a new chat begins in; one that is not the user's counts as none (03 §6.2)."""
    if request.project_id is None:
        return None
    return Project.objects.owned_by(user).filter(pk=request.project_id).first()


def _generation(
    conversation: Conversation,
    request: TurnRequest,
    resolved: ResolvedTurn,
    process: str,
    message: Message,
    last_epoch: list[int],
    turn: JSONDict,
) -> Generation:
    now = conversation.updated_at
    return Generation(
        user_id=conversation.user_id,
        conversation=conversation,
        client_request_id=request.client_request_id,
        # Two turns within one millisecond still need two epochs.
        created_ms=max(to_epoch_ms(now), *(last + 1 for last in last_epoch), 0),
        endpoint=resolved.endpoint,
        model=resolved.model,
        user_message_id=message.message_id,
        response_message_id=new_uuid(),
        turn=turn,
        process=process,
        heartbeat_at=now,
        created_at=now,
    )


# -- Ending --------------------------------------------------------------------------------


def finish_turn(*, generation_id: str, process: str, outcome: Outcome) -> Finished | Failed | None:
    """Store the answer and end the generation.

    None when ``process`` no longer owns a running generation of that id (it was taken over, or
    its conversation was deleted); then nothing was written. Raises DatabaseError while the database
    is away.
    """
    try:
        return _finish(generation_id, process, outcome)
    except _FAILURES as error:
        require_for_good(error)
    try:
        # A row of its calls that is refused costs nobody the answer.
        return _finish(generation_id, process, outcome, is_cautious=True)
    except _FAILURES as error:
        require_for_good(error)
        log.exception("answer_refused", generation_id=generation_id)
    # To try it again and again would be no end, for those who wait for one either.
    return _finish(generation_id, process, _in_words(outcome), is_cautious=True)


def _in_words(outcome: Outcome) -> Outcome:
    """What was said, of an answer that no row takes as it is."""
    said = message_text("", outcome.content).replace("\x00", "").encode("utf-8", "replace").decode()
    parts: list[JSONDict] = [{"type": "text", "text": said}] if said else []
    content = [*parts, {"type": "error", "error": NOT_AS_IT_WAS}]
    return Outcome(Status.ERROR, content, requests=outcome.requests)


@transaction.atomic
def _finish(
    generation_id: str, process: str, outcome: Outcome, *, is_cautious: bool = False
) -> Finished | Failed | None:
    now = timezone.now()
    # The chat first, in the order of a deletion, which must not meet this in a deadlock.
    _, owned, found = run_together(
        often.locked_conversation.asking(pk=generation_id),
        often.ended_generation.updating(
            pk=generation_id, process=process, status=outcome.status, finished_at=now
        ),
        often.generation_by_pk.asking(pk=generation_id),
    )
    if not owned:
        return None
    response = _response(found[0], outcome, now)
    calls = [] if is_cautious else storing_rows(outcome.requests)
    finished = _finished(found[0], response.message_id, outcome, _storing(response), calls)
    # Last: what everybody pays from is locked until the end.
    if is_cautious:
        write_rows(outcome.requests)
    else:
        settle(outcome.requests)
    return finished


def _storing(response: Message) -> list[Statement[Any]]:
    return [
        often.new_message.inserting(response),
        *indexing_new(response),
        often.touched_conversation.updating(
            pk=response.conversation_id, updated_at=response.updated_at
        ),
    ]


def _response(generation: Generation, outcome: Outcome, now: datetime) -> Message:
    conversation = generation.conversation
    content = outcome.content
    if content is not None:
        content = join_parts(generation.turn["retained"], content)
    return Message(
        message_id=generation.response_message_id,
        conversation=conversation,
        user_id=generation.user_id,
        parent_message_id=generation.user_message_id,
        **_writer(generation, outcome.served),
        text=outcome.error_text,
        content=content,
        error=content is None,
        unfinished=outcome.is_unfinished,
        finish_reason=outcome.finish_reason,
        token_count=outcome.token_count,
        metadata=outcome.metadata,
        attachments=[
            {
                "messageId": generation.response_message_id,
                "conversationId": conversation.conversation_id,
                **attachment,
            }
            for attachment in outcome.attached
        ],
        is_parallel=generation.turn.get("is_parallel", False),
        is_temporary=conversation.is_temporary,
        expired_at=conversation.expired_at,
        created_at=now,
        updated_at=now,
    )


def _writer(generation: Generation, served: ResolvedTurn | None) -> JSONDict:
    """Who the client shows as the author."""
    if served is None:
        return {
            "sender": generation.turn["sender"],
            "endpoint": generation.endpoint,
            "model": generation.model,
            "icon_url": generation.conversation.icon_url,
        }
    return {
        "sender": sender_label(served.label, served.model, served.settings),
        "endpoint": served.endpoint,
        "model": served.model,
        "icon_url": served.icon_url,
    }


def _finished(
    generation: Generation,
    answer_id: str,
    outcome: Outcome,
    first: Sequence[Statement[Any]] = (),
    last: Sequence[Statement[Any]] = (),
) -> Finished | Failed:
    """As the rows tell it after ``first``; ``last`` is done behind. What was deleted meanwhile, the
    question too, cannot be shown: then there is an end all the same."""
    pk, question_id = generation.conversation_id, generation.user_message_id
    answers = run_together(
        *first,
        often.messages_of_turn.asking(pk=pk, question_id=question_id, answer_id=answer_id),
        often.conversation_rows.asking(pk=pk),
        often.message_keys.asking(pk=pk),
        *last,
    )
    found, conversations, keys = answers[len(first) : len(first) + 3]
    rows = {row["message_id"]: row for row in found}
    if not conversations:
        return Failed(DELETED)
    if not {question_id, answer_id} <= rows.keys():
        return Failed(MESSAGE_DELETED)
    return Finished(
        conversation=conversations[0],
        user_message=rows[question_id],
        response=rows[answer_id],
        message_ids=keys,
        is_aborted=outcome.status == Status.ABORTED,
    )


def stored_result(*, generation_id: str) -> Finished | Failed | None:
    """The end of a generation as its rows tell it; None while it runs."""
    generation = often.generation_by_pk.first(pk=generation_id)
    if generation is None:
        return Failed(DELETED)
    if generation.status == Status.RUNNING:
        return None
    outcome = Outcome(Status(generation.status), None)
    return _finished(generation, generation.response_message_id, outcome)


def history_rows(*, user: User, conversation: Conversation) -> list[dict[str, Any]]:
    """All messages of the chat."""
    return often.history.ask(user_id=user.pk, conversation_id=conversation.conversation_id)
