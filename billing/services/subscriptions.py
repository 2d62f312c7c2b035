"""Subscriptions, and the groups that come with them."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from accounts.models import Group, Membership, User
from accounts.services import groups
from billing.models import Plan, Subscription

CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class SubscriptionState:
    """A subscription as Stripe had it at ``changed_at``."""

    stripe_id: str
    user: User
    plan: Plan
    status: str
    ends_with_period: bool
    period_ends_at: datetime | None
    changed_at: datetime


@transaction.atomic
def note_subscription(state: SubscriptionState) -> bool:
    """Whether this was news: what is older than what we know is not."""
    fields = {
        name: getattr(state, name)
        for name in ("plan", "status", "ends_with_period", "period_ends_at", "changed_at")
    }
    Subscription.objects.get_or_create(
        stripe_id=state.stripe_id, defaults={"user": state.user, **fields}
    )
    row = Subscription.objects.select_for_update().get(stripe_id=state.stripe_id)
    # What has ended never lives again under the same name, whatever its second.
    is_over = row.status == CANCELED and state.status != CANCELED
    if is_over or state.changed_at < row.changed_at:
        return False
    old_group = row.plan.group
    for name, value in fields.items():
        setattr(row, name, value)
    row.save()
    for group in {old_group, row.plan.group} - {None}:
        assert group is not None  # noqa: S101 - for the type checker
        put_in_place(user=state.user, group=group)
    return True


def put_in_place(*, user: User, group: Group) -> None:
    """A member exactly while a plan with that group lives; who was made one by hand stays."""
    is_paid = Subscription.objects.filter(
        user=user, plan__group=group, status__in=Subscription.LIVE
    ).exists()
    membership = Membership.objects.filter(user=user, group=group).first()
    if is_paid and membership is None:
        groups.add_member(actor=None, group=group, user=user, source=Membership.Source.PLAN)
    elif not is_paid and membership and membership.source == Membership.Source.PLAN:
        groups.remove_member(actor=None, group=group, user=user)
