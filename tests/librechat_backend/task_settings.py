"""The product's settings, with a lease short enough for a test to wait for its end."""

from librechat_backend.settings import *  # noqa: F403

TASK_LEASE_SECONDS = 1.5
