"""What the service says of itself to anybody."""

from django.conf import settings
from django.test import Client


def test_program_hears_where_the_api_is() -> None:
    answer = Client().get("/api/info")
    assert answer.status_code == 200
    told = answer.json()
    assert (told["name"], told["version"]) == (settings.APP_TITLE, settings.VERSION)
    assert told["openapi"] == f"{settings.DOMAIN_SERVER}/v1/openapi.json"
    assert Client().post("/api/info").status_code == 405
