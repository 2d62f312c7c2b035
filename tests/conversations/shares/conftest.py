"""A chat that is shared, and links to it."""

from datetime import timedelta

import pytest
from pytest_django import Settings

from accounts.access_roles import PUBLIC
from accounts.models import User
from conversations.models import Conversation, SharedLink
from tests.conversations.factories import (
    MOMENT,
    make_answer,
    make_conversation,
    make_message,
    make_shared_link,
)
from tests.conversations.shares.share_api import PRIVATE, allow

FILE = {
    "file_id": "file-1",
    "filename": "tides.png",
    "filepath": f"/images/{PRIVATE}path",
    "preview": f"/images/{PRIVATE}preview",
    "width": 40,
    "user": f"{PRIVATE}user",
    "source": f"{PRIVATE}s3",
    "storageKey": f"{PRIVATE}key",
    "metadata": {"x": f"{PRIVATE}metadata"},
}


@pytest.fixture
def chat(alice: User) -> Conversation:
    """A question and two answers, with all that must not be seen."""
    chat = make_conversation(
        alice,
        endpoint=f"{PRIVATE}endpoint",
        model=f"{PRIVATE}model",
        settings={"promptPrefix": f"{PRIVATE}prompt"},
        tags=[f"{PRIVATE}tag"],
    )
    question = make_message(chat, files=[FILE], quotes=["Ebb"], endpoint=f"{PRIVATE}endpoint")
    for i, text in enumerate(("At noon.", "At one.")):
        part = {
            "type": "text",
            "text": text,
            "agentId": f"{PRIVATE}endpoint__{PRIVATE}model___Guide",
        }
        make_answer(
            chat,
            parent_message_id=question.message_id,
            content=[part],
            model=f"{PRIVATE}model",
            endpoint=f"{PRIVATE}endpoint",
            metadata={"usage": f"{PRIVATE}usage"},
            feedback={"rating": "thumbsUp", "tag": f"{PRIVATE}tag"},
            attachments=[
                {
                    "type": "web_search",
                    "web_search": {"turn": 0},
                    "messageId": question.message_id,
                    "conversationId": chat.conversation_id,
                    "toolCallId": "call_1",
                },
                {"type": "memory", "memory": {"key": "k", "value": f"{PRIVATE}memory"}},
            ],
            created_at=MOMENT + timedelta(seconds=i + 1),
        )
    return chat


@pytest.fixture
def link(chat: Conversation) -> SharedLink:
    """A link that opens for Alice alone."""
    return make_shared_link(chat)


@pytest.fixture
def public(link: SharedLink, settings: Settings) -> SharedLink:
    """A link that opens for everybody, signed in or not."""
    settings.ALLOW_SHARED_LINKS_PUBLIC = True
    allow(link, PUBLIC)
    return link
