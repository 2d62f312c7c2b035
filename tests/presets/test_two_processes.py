"""Two server processes on one database: what one changes, the other's next request shows."""

from collections.abc import Iterator

import httpx
import pytest

from tests.live import LiveServer
from tests.presets.live_presets import ADMIN, ALICE, PASSWORD, Caller, House, house


@pytest.fixture(scope="module")
def here() -> Iterator[House]:
    with house() as found:
        yield found


@pytest.fixture(scope="module")
def there(here: House) -> Iterator[Caller]:
    """Alice at a second process; the same database and secrets."""
    server = LiveServer(env={**here.server.env, "DATABASE_URL": ""}, data_dir=here.server.data_dir)
    server.env |= {
        "DATABASE_URL": here.server.env.get("DATABASE_URL", ""),
        "PORT": str(server.port),
    }
    try:
        server.start()
        caller = Caller(server.base_url, here.alice_token)
        yield caller
        caller.close()
    finally:
        server.close()


def both(here: House, there: Caller) -> list[str]:
    """What Alice's menu shows at both; they must agree."""
    menus = here.alice.specs(), there.specs()
    assert menus[0] == menus[1]
    return menus[0]


def test_change_is_seen_by_the_next_request_of_every_process(here: House, there: Caller) -> None:
    assert both(here, there) == []  # both have something in memory
    send = here.admin.send
    preset_id = here.preset("one", nobody=True)
    path = f"/api/admin/presets/{preset_id}"
    assert both(here, there) == []
    group = send("POST", "/api/admin/groups", {"name": "Team"})["group"]
    below = send("POST", "/api/admin/groups", {"name": "North", "parentId": group["id"]})["group"]
    send("POST", f"{path}/assign", {"groupId": group["id"]})
    assert both(here, there) == []
    send("POST", f"/api/admin/groups/{below['id']}/members", {"userId": ALICE})
    assert both(here, there) == ["one"]
    send("PATCH", path, {"isActive": False})
    assert both(here, there) == []
    send("PATCH", path, {"isActive": True})
    send("PATCH", "/api/admin/policy", {"allowsGroupPresets": False})
    assert both(here, there) == []
    send("PATCH", "/api/admin/policy", {"allowsGroupPresets": None})
    here.preset("two", priority=5)
    assert both(here, there) == ["two", "one"]
    send("PATCH", f"/api/admin/groups/{below['id']}", {"parentId": None})
    assert both(here, there) == ["two"]
    assert there.ask(spec="one").status_code == 403
    send("PATCH", f"/api/admin/groups/{below['id']}", {"parentId": group["id"]})
    assert there.ask(spec="one").status_code == 200


def test_change_in_the_admin_is_seen_by_the_next_request_of_every_process(
    here: House, there: Caller
) -> None:
    preset_id = here.preset("shown")
    with httpx.Client(base_url=here.server.base_url, follow_redirects=True) as browser:
        sign_in(browser)
        for action, is_there in (("deactivate", False), ("activate", True), ("deactivate", False)):
            assert ("shown" in both(here, there)) is not is_there
            chosen = {"action": action, "_selected_action": preset_id}
            page = submit(browser, "/admin/presets/preset/", **chosen)
            assert page.status_code == 200
            assert ("shown" in both(here, there)) is is_there


def sign_in(browser: httpx.Client) -> None:
    page = submit(browser, "/admin/login/?next=/admin/", username=ADMIN, password=PASSWORD)
    assert page.url.path == "/admin/"


def submit(browser: httpx.Client, path: str, **fields: str) -> httpx.Response:
    browser.get(path)
    fields["csrfmiddlewaretoken"] = browser.cookies["csrftoken"]
    return browser.post(path, data=fields, headers={"Referer": str(browser.base_url.join(path))})


def test_change_of_a_channel_is_seen_by_the_next_request_of_every_process(
    here: House, there: Caller
) -> None:
    before = there.get("/api/models")
    here.server.manage(
        "shell", "-v", "0", "-c",
        "from providers.models import Channel;"
        "from providers.services import add_key, save_channel;"
        "c = save_channel(channel=Channel(name='N', kind='groq', model_names=['tide']));"
        "add_key(channel=c, secret='sk-1')",
    )  # fmt: skip
    assert there.get("/api/models") == here.alice.get("/api/models") == before | {"Groq": ["tide"]}
