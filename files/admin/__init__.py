"""The admin pages of files: what may be uploaded, and what is stored."""

from files.admin.rules import FileRulesAdmin
from files.admin.stored import FileAdmin

__all__ = ["FileAdmin", "FileRulesAdmin"]
