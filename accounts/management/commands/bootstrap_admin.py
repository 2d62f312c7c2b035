"""``manage.py bootstrap_admin``: the first administrator of a fresh installation."""

import secrets
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.services.registration import bootstrap_administrator
from accounts.validation import email_problem
from librechat_backend.lib.errors import Conflict

LINE = "=" * 64


class Command(BaseCommand):
    help = (
        "Creates the first administrator and prints the password once. Does nothing when there is "
        "an administrator. The address comes from ADMIN_EMAIL."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        email = settings.ADMIN_EMAIL
        if email_problem(email):
            raise CommandError(f"ADMIN_EMAIL: {email!r} is not an e-mail address")
        password = secrets.token_urlsafe(15)
        try:
            administrator = bootstrap_administrator(email=email, password=password)
        except Conflict as error:
            raise CommandError(
                f"{error} It belongs to no administrator; set ADMIN_EMAIL to another address."
            ) from error
        if administrator:
            self.stdout.write(
                f"{LINE}\n  Administrator account (this is shown once)\n\n"
                f"  E-mail:    {administrator.email}\n  Password:  {password}\n{LINE}"
            )
