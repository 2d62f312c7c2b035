"""How the admin looks."""

from librechat_backend.settings.files import STATIC_URL
from librechat_backend.settings.product import APP_TITLE

UNFOLD = {
    "SITE_TITLE": f"{APP_TITLE} administration",
    "SITE_HEADER": APP_TITLE,
    "SITE_SUBHEADER": "Administration",
    "SITE_SYMBOL": "forum",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": f"{STATIC_URL}chat/icon.svg"}
    ],
    "SHOW_BACK_BUTTON": True,
    "COLORS": {
        # The client's green, so that both look like one product.
        "primary": {
            "50": "oklch(97.9% .021 166.1)",
            "100": "oklch(95% .052 163.1)",
            "200": "oklch(90.5% .093 164.2)",
            "300": "oklch(84.5% .143 164.9)",
            "400": "oklch(76.5% .177 163.2)",
            "500": "oklch(69.6% .17 162.5)",
            "600": "oklch(52.7% .123 163.2)",
            "700": "oklch(46.8% .108 165.6)",
            "800": "oklch(41.2% .09 166.7)",
            "900": "oklch(36.8% .077 168.9)",
            "950": "oklch(25.2% .051 172.6)",
        }
    },
}
