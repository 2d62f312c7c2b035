"""Plans, payments and vouchers over HTTP. The page that uses it is templates/billing/page.html."""

from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import user_of
from billing import serializers, stripe_api, throttles
from billing.models import Payment, Plan
from billing.services import checkout as checkouts
from billing.services import events, vouchers
from librechat_backend.lib.errors import InvalidRequest
from librechat_backend.lib.json import JSONValue

PAYMENTS_SHOWN = 100


@api_view(["GET"])
def plans(request: Request) -> Response:
    """What is offered; nothing where payments are not set up."""
    rows = Plan.objects.filter(is_active=True) if stripe_api.is_set_up() else Plan.objects.none()
    return Response({"plans": [serializers.plan_wire(plan) for plan in rows]})


@api_view(["GET"])
def invoices(request: Request) -> Response:
    """The person's payments and subscriptions, newest first."""
    user = user_of(request)
    paid = Payment.objects.filter(user=user, amount__gt=0).select_related("plan")
    held = user.subscriptions.select_related("plan")
    return Response(
        {
            "payments": [serializers.payment_wire(row) for row in paid[:PAYMENTS_SHOWN]],
            "subscriptions": [serializers.subscription_wire(row) for row in held],
        }
    )


@api_view(["POST"])
def checkout(request: Request) -> Response:
    """``{planId}`` → where to pay."""
    user, plan_id = user_of(request), _member(request.data, "planId")
    throttles.check_checkout(user)
    return Response({"url": checkouts.start_checkout(user=user, plan_id=plan_id)})


@api_view(["POST"])
def portal(request: Request) -> Response:
    """Where to change cards and to cancel."""
    user = user_of(request)
    throttles.check_checkout(user)
    return Response({"url": checkouts.open_portal(user=user)})


@api_view(["POST"])
def redeem_voucher(request: Request) -> Response:
    """``{code}`` → how many credits it brought."""
    user, code = user_of(request), _member(request.data, "code")
    throttles.check_voucher(user)
    return Response(serializers.movement_wire(vouchers.redeem(user=user, code=code)))


@api_view(["POST"])
@authentication_classes([])
@permission_classes([])
def webhook(request: Request) -> Response:
    """Stripe's messages, authenticated by their signature over the very bytes."""
    signature = request.headers.get("Stripe-Signature", "")
    event = stripe_api.read_event(request._request.body, signature)
    return Response({"received": True, "outcome": events.take_in(event)})


def _member(body: JSONValue, name: str) -> str:
    value = body.get(name) if isinstance(body, dict) else None
    if not isinstance(value, str) or not 0 < len(value) <= 100 or "\x00" in value:
        raise InvalidRequest(f"{name} is required.")
    return value
