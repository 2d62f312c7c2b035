"""``manage.py invite_user``: a link with which one address can register."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.services.invitations import invite
from accounts.validation import email_problem
from librechat_backend.lib.errors import Conflict


class Command(BaseCommand):
    help = (
        "Invites an address to register, by mail where a mail server is set, and prints the link."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, **options: Any) -> None:
        if problem := email_problem(options["email"]):
            raise CommandError(f"EMAIL: {problem}")
        try:
            link = invite(email=options["email"])
        except Conflict as error:
            raise CommandError(str(error)) from error
        sent = "Sent" if settings.EMAIL_ENABLED else "No mail server is set; pass on this link"
        self.stdout.write(f"{sent}: {link}")
