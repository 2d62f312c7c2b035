from conversations.models.conversation import NEW_CHAT_TITLE, Conversation
from conversations.models.generation import Generation
from conversations.models.message import Message
from conversations.models.project import Project
from conversations.models.search import SearchEntry
from conversations.models.tag import Tag

__all__ = [
    "NEW_CHAT_TITLE",
    "Conversation",
    "Generation",
    "Message",
    "Project",
    "SearchEntry",
    "Tag",
]
