"""What every turn of a chat reads, by queries that are written once."""

from django.db.models import BigIntegerField, CharField

from conversations.models import Conversation, Generation, Message
from librechat_backend.lib.compiled import CompiledQuery, Given

_USER = Given("user_id", CharField())
_CONVERSATION = Given("conversation_id", CharField())
_PK = Given("pk", CharField())

#: The chat of the client's ``conversation_id``, where it is that of ``user_id``.
own_conversation = CompiledQuery(
    lambda: Conversation.objects.filter(user=_USER, conversation_id=_CONVERSATION)[:1]
)

#: The newest generation of the chat, with the chat; that of ``epoch``; and the one that runs in the
#: chat of the key ``pk``.
newest_generation = CompiledQuery(
    lambda: (
        Generation.objects.of_conversation(_CONVERSATION)
        .filter(user=_USER)
        .select_related("conversation")[:1]
    )
)
generation_of_epoch = CompiledQuery(
    lambda: (
        Generation.objects.of_conversation(_CONVERSATION)
        .filter(user=_USER, created_ms=Given("epoch", BigIntegerField()))
        .select_related("conversation")[:1]
    )
)
running_generation = CompiledQuery(
    lambda: Generation.objects.running().filter(conversation=_PK).select_related("conversation")[:1]
)
last_epoch = CompiledQuery(
    lambda: (
        Generation.objects.filter(conversation=_PK)
        .order_by("-created_ms")
        .values_list("created_ms", flat=True)[:1]
    )
)

#: The generation of the key ``pk``, with its chat, and the lock of that.
generation_by_pk = CompiledQuery(
    lambda: Generation.objects.select_related("conversation").filter(pk=_PK)
)
locked_conversation = CompiledQuery(
    lambda: Conversation.objects.filter(generations=_PK).lock_rows()
)

#: Rows for ``conversation_wire`` and ``message_wire``, by the key ``pk`` of the chat: itself, all
#: messages of ``user_id`` in it, the two of a turn, and the keys of all.
conversation_rows = CompiledQuery(lambda: Conversation.objects.filter(pk=_PK).rows())
history = CompiledQuery(lambda: Message.objects.filter(user=_USER, conversation=_PK).rows())
messages_of_turn = CompiledQuery(
    lambda: Message.objects.filter(
        conversation=_PK,
        message_id__in=[Given("question_id", CharField()), Given("answer_id", CharField())],
    ).rows()
)
message_keys = CompiledQuery(
    lambda: Message.objects.filter(conversation=_PK).values_list("id", flat=True)
)
