"""Which collections are taken over, in this order: what is referred to comes first.

A collection is a module of its own that ends with a ``Collection``; its ``write`` counts each of
its documents once in ``job.tally``. Everything it writes belongs to one transaction.
"""

from moving.collections.agents import AGENTS
from moving.collections.api_keys import API_KEYS
from moving.collections.banners import BANNERS
from moving.collections.base import Collection
from moving.collections.configs import CONFIGS
from moving.collections.conversations import CONVERSATIONS
from moving.collections.entries import ACCESS
from moving.collections.files import FILES
from moving.collections.groups import GROUPS
from moving.collections.kept import KEPT_COLLECTIONS
from moving.collections.links import LINKS
from moving.collections.memories import MEMORIES
from moving.collections.messages import MESSAGES
from moving.collections.money import BALANCES, TRANSACTIONS
from moving.collections.presets import PRESETS
from moving.collections.projects import PROJECTS
from moving.collections.prompts import PROMPT_GROUPS, PROMPTS
from moving.collections.roles import ROLES
from moving.collections.tags import TAGS
from moving.collections.tools import CREDENTIALS, FAVORITES
from moving.collections.users import USERS

COLLECTIONS: tuple[Collection, ...] = (
    BANNERS,
    ROLES,
    USERS,
    GROUPS,
    CONFIGS,
    PROJECTS,
    TAGS,
    FILES,
    AGENTS,
    PRESETS,
    CONVERSATIONS,
    MESSAGES,
    LINKS,
    PROMPT_GROUPS,
    PROMPTS,
    MEMORIES,
    FAVORITES,
    CREDENTIALS,
    API_KEYS,
    *KEPT_COLLECTIONS,
    ACCESS,
    BALANCES,
    TRANSACTIONS,
)
