"""``python -m librechat_backend``: check, then serve."""

import os
import sys

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import SystemCheckError


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "librechat_backend.settings")
    try:
        django.setup()
        call_command("check", "--fail-level", "ERROR")
    except (ImproperlyConfigured, SystemCheckError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    from librechat_backend.server import serve

    serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
