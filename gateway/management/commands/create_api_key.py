"""``manage.py create_api_key``: a key for programs, printed once."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from accounts.models.user import normalize_email
from gateway import services
from gateway.validation import parse_name
from librechat_backend.lib.errors import InvalidRequest

LIMITS = ("requests_per_minute", "tokens_per_minute", "parallel_requests", "quota_tokens")


class Command(BaseCommand):
    help = "Creates an API key of a person and prints it, which happens only this once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--name", default="command line")
        parser.add_argument("--requests-per-minute", type=int)
        parser.add_argument("--tokens-per-minute", type=int)
        parser.add_argument("--parallel-requests", type=int)
        parser.add_argument("--quota-tokens", type=int)
        parser.add_argument("--cache-seconds", type=int, default=0)
        parser.add_argument("--quiet", action="store_true", help="Print the key alone")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(email=normalize_email(options["email"])).first()
        if user is None:
            raise CommandError(f"EMAIL: there is no account {options['email']}.")
        _require_sensible(options)
        new = services.create_token(
            user=user,
            name=_name(options["name"]),
            cache_seconds=options["cache_seconds"],
            **{limit: options[limit] for limit in LIMITS},
        )
        if options["quiet"]:
            self.stdout.write(new.secret)
        else:
            self._tell(new.secret)

    def _tell(self, secret: str) -> None:
        api = f"{settings.DOMAIN_SERVER}/v1"
        self.stdout.write(f"Key: {secret}")
        self.stdout.write(f"Address: {api}")
        self.stdout.write(f'Try it: curl {api}/models -H "Authorization: Bearer {secret}"')


def _require_sensible(options: dict[str, Any]) -> None:
    wrong = [name for name in LIMITS if options[name] is not None and options[name] < 1]
    if wrong or options["cache_seconds"] < 0:
        raise CommandError(f"{', '.join(wrong) or 'cache_seconds'}: expected at least 1.")


def _name(given: str) -> str:
    try:
        return parse_name(given)
    except InvalidRequest as error:
        raise CommandError(f"--name: {error}") from error
