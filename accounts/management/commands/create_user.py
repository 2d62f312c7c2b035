"""``manage.py create_user``: an account, for scripts."""

import secrets
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from accounts.models.user import ROLE_ADMIN, ROLE_USER
from accounts.services.registration import create_account
from accounts.validation import email_problem, name_problem, password_problem
from librechat_backend.lib.errors import Conflict


class Command(BaseCommand):
    help = "Creates an account. Without --password-stdin a password is made up and printed once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--name", help="Display name; default: the e-mail's first part")
        parser.add_argument(
            "--role", choices=[ROLE_ADMIN, ROLE_USER], help="Default: USER; ADMIN with --superuser"
        )
        parser.add_argument(
            "--superuser", action="store_true", help="May open the admin and do everything there"
        )
        parser.add_argument(
            "--password-stdin", action="store_true", help="Read the password's line from stdin"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        _require("EMAIL", email_problem(options["email"]))
        if options["name"] is not None:
            _require("--name", name_problem(options["name"]))
        password = _read_password() if options["password_stdin"] else secrets.token_urlsafe(15)
        _require("password", password_problem(password))
        user = _create(options, password)
        self.stdout.write(f"Created {user.email} ({user.role}).")
        if not options["password_stdin"]:
            self.stdout.write(f"Password: {password}")


def _create(options: dict[str, Any], password: str) -> User:
    default_role = ROLE_ADMIN if options["superuser"] else ROLE_USER
    try:
        return create_account(
            email=options["email"],
            name=options["name"] or options["email"].partition("@")[0][:80],
            password=password,
            role=options["role"] or default_role,
            is_superuser=options["superuser"],
        )
    except Conflict as error:
        raise CommandError(str(error)) from error


def _read_password() -> str:
    return sys.stdin.readline().rstrip("\r\n")


def _require(what: str, problem: str | None) -> None:
    if problem:
        raise CommandError(f"{what}: {problem}")
