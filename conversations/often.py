"""What every turn of a chat reads and writes, by queries that are written once."""

from django.db.models import BigIntegerField, CharField

from conversations.models import Conversation, Generation, Memory, Message
from conversations.querysets import GenerationQuerySet
from librechat_backend.lib.compiled import CompiledInsert, CompiledQuery, CompiledUpdate, Given

#: What a turn changes of a chat it goes on with.
SETTINGS_FIELDS = (
    "endpoint", "endpoint_type", "model", "spec", "icon_url", "settings", "expired_at",
    "updated_at",
)  # fmt: skip

_USER = Given("user_id", CharField())
_CONVERSATION = Given("conversation_id", CharField())
_PK = Given("pk", CharField())


def _own_generations() -> GenerationQuerySet:
    """Of the chat, newest first. By the chat's owner, too: no index has its id alone."""
    newest_first = Generation.objects.of_conversation(_CONVERSATION)
    return newest_first.filter(user=_USER, conversation__user=_USER)


#: The chat of the client's ``conversation_id``, where it is that of ``user_id``.
own_conversation = CompiledQuery(
    lambda: Conversation.objects.filter(user=_USER, conversation_id=_CONVERSATION)[:1]
)

#: Of that chat: the newest generation, with the chat; that of ``epoch``; the one that runs; the
#: newest epoch; and the key of the message ``message_id``.
newest_generation = CompiledQuery(lambda: _own_generations().select_related("conversation")[:1])
generation_of_epoch = CompiledQuery(
    lambda: (
        _own_generations()
        .filter(created_ms=Given("epoch", BigIntegerField()))
        .select_related("conversation")[:1]
    )
)
running_generation = CompiledQuery(
    lambda: _own_generations().running().select_related("conversation")[:1]
)
last_epoch = CompiledQuery(lambda: _own_generations().values_list("created_ms", flat=True)[:1])
message_key = CompiledQuery(
    lambda: Message.objects.filter(
        user=_USER,
        conversation__conversation_id=_CONVERSATION,
        message_id=Given("message_id", CharField()),
    ).values_list("pk", flat=True)[:1]
)

#: The generation ``user_id`` asked for with ``request_id``, with its chat.
generation_of_request = CompiledQuery(
    lambda: Generation.objects.filter(
        user=_USER, client_request_id=Given("request_id", CharField())
    ).select_related("conversation")[:1]
)

#: A turn's beginning: rows as they are, and the columns of SETTINGS_FIELDS of the chat ``pk``.
new_conversation = CompiledInsert(Conversation)
new_message = CompiledInsert(Message)
new_generation = CompiledInsert(Generation)
new_settings = CompiledUpdate(lambda: Conversation.objects.filter(pk=_PK), SETTINGS_FIELDS)

#: The generation of the key ``pk``, with its chat, and the lock of that; its end, where ``process``
#: owns it and it runs; and the time of the chat's last change.
generation_by_pk = CompiledQuery(
    lambda: Generation.objects.select_related("conversation").filter(pk=_PK)
)
locked_conversation = CompiledQuery(
    lambda: Conversation.objects.filter(generations=_PK).lock_rows()
)
ended_generation = CompiledUpdate(
    lambda: Generation.objects.running().filter(pk=_PK, process=Given("process", CharField())),
    ["status", "finished_at"],
)
touched_conversation = CompiledUpdate(lambda: Conversation.objects.filter(pk=_PK), ["updated_at"])

#: What all chats of ``user_id`` know of them.
shared_memories = CompiledQuery(lambda: Memory.objects.filter(user=_USER).in_pool().rows())

#: Rows for ``message_wire``: all messages of ``user_id`` in their chat.
history = CompiledQuery(
    lambda: Message.objects.filter(
        user=_USER, conversation__user=_USER, conversation__conversation_id=_CONVERSATION
    ).rows()
)

#: Rows for ``conversation_wire`` and ``message_wire``, by the key ``pk`` of the chat: itself, the
#: two of a turn, and the keys of all.
conversation_rows = CompiledQuery(lambda: Conversation.objects.filter(pk=_PK).rows())
messages_of_turn = CompiledQuery(
    lambda: Message.objects.filter(
        conversation=_PK,
        message_id__in=[Given("question_id", CharField()), Given("answer_id", CharField())],
    ).rows()
)
message_keys = CompiledQuery(
    lambda: Message.objects.filter(conversation=_PK).values_list("id", flat=True)
)
