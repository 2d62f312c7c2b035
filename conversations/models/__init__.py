from conversations.models.chat_import import ChatImport
from conversations.models.conversation import NEW_CHAT_TITLE, Conversation
from conversations.models.generation import Generation
from conversations.models.memory import Memory
from conversations.models.message import Message
from conversations.models.opening import ChatOpening
from conversations.models.person import Person
from conversations.models.project import Project
from conversations.models.prompt import Prompt, PromptGroup
from conversations.models.search import SearchEntry
from conversations.models.share import SharedLink
from conversations.models.tag import Tag

__all__ = [
    "ChatImport",
    "NEW_CHAT_TITLE",
    "ChatOpening",
    "Conversation",
    "Generation",
    "Memory",
    "Message",
    "Person",
    "Project",
    "Prompt",
    "PromptGroup",
    "SearchEntry",
    "SharedLink",
    "Tag",
]
