"""What the jobs of the worker share. Pure."""

from typing import Any

Options = dict[str, Any]


class Problem(Exception):
    """Why a file cannot be worked on, for people."""
