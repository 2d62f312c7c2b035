from django.urls import path

from billing import views

urlpatterns = [
    path("billing/plans", views.plans),
    path("billing/invoices", views.invoices),
    path("billing/checkout", views.checkout),
    path("billing/portal", views.portal),
    path("billing/vouchers/redeem", views.redeem_voucher),
    path("billing/webhook", views.webhook),
]
