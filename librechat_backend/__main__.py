"""``python -m librechat_backend``: check, then serve.

With ``--prepare`` it first brings the database up to date, creates the first administrator and
fills the table of prices, which is what ``make run`` does.
"""

import os
import sys
from io import StringIO

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command


def main(arguments: list[str]) -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "librechat_backend.settings")
    if unknown := set(arguments) - {"--prepare"}:
        sys.stderr.write(f"unknown argument: {min(unknown)}\n")
        return 2
    try:
        _start(prepare="--prepare" in arguments)
    except (ImproperlyConfigured, CommandError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _start(*, prepare: bool) -> None:
    """Raises ImproperlyConfigured or CommandError with a message for the operator."""
    django.setup()
    call_command("check", stdout=StringIO())  # errors are raised, warnings go to stderr
    from librechat_backend import server

    with server.listen() as listener:
        server.require_services()
        if prepare:
            call_command("migrate", verbosity=0, skip_checks=True)
            call_command("bootstrap_admin", skip_checks=True)
            # Shown once: in a file or a container's log it would wait for the end of the server.
            sys.stdout.flush()
            call_command("sync_prices", "--if-empty", skip_checks=True)
        server.serve(listener)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
