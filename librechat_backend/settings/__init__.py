"""All settings, by subject. Values come from the environment or ``.env`` (see .env.example)."""

from librechat_backend.settings.accounts import *  # noqa: F403
from librechat_backend.settings.admin import *  # noqa: F403
from librechat_backend.settings.api import *  # noqa: F403
from librechat_backend.settings.applications import *  # noqa: F403
from librechat_backend.settings.base import *  # noqa: F403
from librechat_backend.settings.billing import *  # noqa: F403
from librechat_backend.settings.files import *  # noqa: F403
from librechat_backend.settings.identity import *  # noqa: F403
from librechat_backend.settings.limits import *  # noqa: F403
from librechat_backend.settings.logging import *  # noqa: F403
from librechat_backend.settings.mail import *  # noqa: F403
from librechat_backend.settings.product import *  # noqa: F403
from librechat_backend.settings.providers import *  # noqa: F403
from librechat_backend.settings.server import *  # noqa: F403
from librechat_backend.settings.state import *  # noqa: F403
