"""Whom the tests of conversations speak for, and of what."""

import pytest
from django.test import Client

from accounts.models import User
from conversations.models import Conversation
from tests.conftest import ClientFor
from tests.conversations.factories import make_conversation


@pytest.fixture
def client(alice: User, client_for: ClientFor) -> Client:
    """Alice's."""
    return client_for(alice)


@pytest.fixture
def chat(alice: User) -> Conversation:
    """Alice's, with a setting of its own."""
    return make_conversation(alice, settings={"temperature": 0.4})


@pytest.fixture
def foreign(bob: User) -> Conversation:
    """Bob's, of which Alice must see nothing."""
    return make_conversation(bob, title="Of Bob")
