"""Limits on guessing vouchers and on going to pay."""

from django.conf import settings

from accounts.models import User
from librechat_backend.lib import throttling


def check_voucher(user: User) -> None:
    """Raises TooManyRequests."""
    minutes = settings.VOUCHER_WINDOW
    message = f"Too many attempts, please try again after {minutes} minute(s)"
    throttling.check("voucher", user.pk, settings.VOUCHER_MAX, minutes * 60, message)


def check_checkout(user: User) -> None:
    """Each asks Stripe. Raises TooManyRequests."""
    message = "Too many attempts, please try again after a minute"
    throttling.check("checkout", user.pk, settings.CHECKOUT_MAX, 60, message)
