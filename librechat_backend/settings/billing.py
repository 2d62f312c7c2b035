"""How people pay."""

from librechat_backend.settings.base import env

STRIPE_SECRET_KEY = env.text("STRIPE_SECRET_KEY")
STRIPE_WEBHOOK_SECRET = env.items("STRIPE_WEBHOOK_SECRET")
# Where Stripe's interface is, if not at Stripe.
STRIPE_API_URL = env.text("STRIPE_API_URL")
VOUCHER_MAX = env.integer("VOUCHER_MAX", 10, minimum=1)
# In minutes.
VOUCHER_WINDOW = env.minutes("VOUCHER_WINDOW", 15)
CHECKOUT_MAX = env.integer("CHECKOUT_MAX", 10, minimum=1)
