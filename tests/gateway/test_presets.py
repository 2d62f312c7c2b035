"""Presets as models: the same rules as in the chat, and one table for listing and calling."""

from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Group, User
from accounts.services.groups import add_member
from conversations.chat.accounting import fingerprint_of
from gateway import services
from librechat_backend.lib.aio import in_database
from presets import running
from presets.admin import try_it
from presets.models import Assignment, Policy, Preset
from presets.resolver import resolve_turn
from providers.models import Channel, ModelAlias, NameRule
from providers.services import save_route
from tests.conftest import ClientFor
from tests.gateway.conftest import HELLO, Api, MakeChannel, log_rows
from tests.providers.conftest import Fake

TUTOR: dict[str, Any] = {
    "slug": "tutor", "name": "The tutor", "endpoint": "openAI", "model": "m",
    "system_message": "You teach {{current_user}}.", "version": 3,
    "parameters": {"temperature": 0.2, "top_p": 0.9},
}  # fmt: skip


async def give(**fields: Any) -> Preset:
    preset: Preset = await in_database(Preset.objects.create, **TUTOR | fields)
    await in_database(Assignment.objects.create, preset=preset)
    return preset


@pytest.fixture
async def channel(api: Api, make_channel: MakeChannel) -> None:
    await in_database(make_channel)


@pytest.mark.parametrize("name", ["tutor", "preset:tutor"])
async def test_preset_is_called_by_its_short_name(
    api: Api, channel: None, fake: Fake, name: str
) -> None:
    await give()
    answer = await api.chat(model=name)
    assert answer.json()["choices"][0]["message"]["content"] == HELLO
    assert fake.body() == {
        "model": "gpt-fake",
        "messages": [
            {"role": "system", "content": "You teach Alice."}, {"role": "user", "content": "Hi"},
        ],
        "temperature": 0.2, "top_p": 0.9,
    }  # fmt: skip
    (row,) = await log_rows()
    assert (row.preset_slug, row.preset_version) == ("tutor", 3)
    assert (row.requested_model, row.served_model) == (name, "gpt-fake")


async def test_fingerprint_is_the_same_in_chat_api_and_administration(
    api: Api, channel: None, alice: User
) -> None:
    """And another one as soon as the caller's own value counts."""
    preset = await give(parameters={"temperature": 1, "stop": ["END"]}, bounds={})
    messages = [{"role": "user", "content": "Hi"}]
    paths: dict[str, Any] = {
        "/v1/chat/completions": {}, "/v1/messages": {"max_tokens": 50},
        "/v1/responses": {"input": "Hi"}, "/v1/completions": {"prompt": "Hi"},
    }  # fmt: skip
    for path, more in paths.items():
        answer = await api.post(path, {"model": "tutor", "messages": messages, **more})
        assert answer.status_code == 200, answer.text
    await api.chat(model="tutor", temperature=1.0)
    await api.chat(model="tutor", temperature=0.5)
    await api.chat(model="m")
    chat, at_messages, *rest, other, plain = [row.resolved_hash for row in await log_rows()]

    turn = await in_database(
        lambda: resolve_turn(alice, endpoint="openAI", model="", spec="tutor", settings={})
    )
    tried = await in_database(lambda: try_it.resolved_preset(preset))
    call = await in_database(lambda: try_it.chat_request(tried, "Hi", alice))
    entry = try_it.log_entry(tried, call, alice)
    assert {*rest, fingerprint_of(turn), entry.resolved_hash} == {chat}
    assert len(chat) == 64
    assert len({chat, at_messages, other, plain}) == 4
    assert plain == ""


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
async def test_locked_values_win_whatever_the_caller_says(
    api: Api, make_channel: MakeChannel, fake: Fake, kind: str
) -> None:
    await in_database(make_channel, kind=kind, endpoint="openAI")
    await give(locked=["temperature", "system_message"])
    body = {
        "model": "tutor",
        "messages": [
            {"role": "system", "content": "Forget it."}, {"role": "user", "content": "Hi"},
        ],
        "temperature": 0.9, "reasoning": {"effort": "high"}, "top_k": 3,
    }  # fmt: skip
    assert (await api.post("/v1/chat/completions", body)).status_code == 200
    sent = fake.body()
    assert sent["temperature"] == 0.2
    assert "Forget it." not in str(sent)
    assert "You teach Alice." in str(sent)
    assert "reasoning" not in sent
    assert "top_k" not in sent


async def test_own_values_count_where_the_preset_leaves_them(
    api: Api, channel: None, fake: Fake
) -> None:
    await give(locked=[])
    body = {
        "model": "tutor",
        "messages": [{"role": "system", "content": "Mine."}, {"role": "user", "content": "Hi"}],
        "temperature": 1.5,
    }
    await api.post("/v1/chat/completions", body)
    sent = fake.body()
    assert (sent["temperature"], sent["messages"][0]["content"]) == (1.5, "Mine.")


@pytest.mark.parametrize(
    ("path", "fields", "param"),
    [
        ("/v1/chat/completions", {"temperature": 1.5}, "temperature"),
        ("/v1/chat/completions", {"max_completion_tokens": 500}, "max_completion_tokens"),
        ("/v1/messages", {"max_tokens": 500}, "max_tokens"),
        ("/v1/responses", {"max_output_tokens": 500, "input": "Hi"}, "max_output_tokens"),
    ],
)
async def test_value_out_of_bounds_is_refused_with_its_range(
    api: Api, channel: None, fake: Fake, path: str, fields: Any, param: str
) -> None:
    bounds = {
        "temperature": {"min": 0, "max": 1}, "max_output_tokens": {"min": None, "max": 100},
    }  # fmt: skip
    await give(bounds=bounds)
    messages = [{"role": "user", "content": "Hi"}]
    answer = await api.post(path, {"model": "tutor", "messages": messages, **fields})
    assert answer.status_code == 400
    assert param in answer.text
    limit = "at least 0 and at most 1" if param == "temperature" else "at most 100"
    assert limit in answer.json()["error"]["message"]
    assert fake.received() == []


@pytest.mark.parametrize("tools", [{"enabled": False}, {"allowed_tools": ["g"]}])
async def test_preset_refuses_tools_it_does_not_allow(
    api: Api, channel: None, fake: Fake, tools: Any
) -> None:
    await give(tools=tools)
    tool = {"type": "function", "function": {"name": "f", "parameters": {}}}
    answer = await api.chat(model="tutor", tools=[tool])
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "tools")


async def test_preset_answers_in_anthropics_dialect(api: Api, channel: None, fake: Fake) -> None:
    await give()
    body = {"model": "tutor", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
    answer = await api.post("/v1/messages", body)
    assert answer.json()["content"] == [{"type": "text", "text": HELLO}]
    assert fake.body()["temperature"] == 0.2


RECORDING = {"files": {"file": ("a.mp3", b"sound")}, "data": {"model": "tutor"}}
NOT_CHATS: dict[str, dict[str, Any]] = {
    "embeddings": {"json": {"model": "tutor", "input": "Hi"}},
    "moderations": {"json": {"model": "tutor", "input": "Hi"}},
    "rerank": {"json": {"model": "tutor", "query": "Hi", "documents": ["Ho"]}},
    "images/generations": {"json": {"model": "tutor", "prompt": "Hi"}},
    "audio/speech": {"json": {"model": "tutor", "input": "Hi", "voice": "alloy"}},
    "audio/transcriptions": RECORDING,
    "audio/translations": RECORDING,
}


@pytest.mark.parametrize("path", NOT_CHATS)
async def test_preset_is_refused_for_what_is_no_chat(
    api: Api, channel: None, fake: Fake, path: str
) -> None:
    """Its instructions and bounds are those of a chat; the model itself would answer."""
    await give()
    headers = {"authorization": f"Bearer {api.key}"}
    answer = await api.http.post(f"/v1/{path}", headers=headers, **NOT_CHATS[path])
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (400, "model")
    assert (error["code"], error["message"]) == (
        "unsupported_operation", "A preset answers chats only; name a model.",
    )  # fmt: skip
    assert fake.received() == []


async def test_only_presets_are_there_where_they_are_enforced(
    api: Api, channel: None, alice: User, client_for: ClientFor
) -> None:
    await give()
    await in_database(Policy.objects.create, enforce=True)
    assert [each["id"] for each in (await api.get("/v1/models")).json()["data"]] == ["tutor"]
    assert (await api.chat(model="m")).status_code == 404
    assert (await api.chat(model="tutor")).status_code == 200


async def test_model_is_described(api: Api, channel: None) -> None:
    await give(model="m", description="Explains.")
    wire = (await api.get("/v1/models/tutor")).json()
    assert (wire["name"], wire["is_preset"], wire["owned_by"]) == ("The tutor", True, "openAI")
    assert wire["context_window"] == 32_000
    options = (await api.get("/v1/model-options")).json()["data"][0]
    assert (options["base_model"], options["description"]) == ("m", "Explains.")
    assert options["defaults"]["temperature"] == 0.2
    assert "You teach" not in str(options)


@pytest.mark.parametrize("headers", [{}, {"anthropic_version": "2023-06-01"}])
async def test_list_that_is_known_is_not_sent_again(
    api: Api, make_channel: MakeChannel, headers: dict[str, str]
) -> None:
    await in_database(make_channel)
    first = await api.get("/v1/models", **headers)
    tag = first.headers["etag"]
    again = await api.get("/v1/models", if_none_match=f'"other", W/{tag}', **headers)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    await in_database(make_channel, "second", model_names=["n"])
    newer = await api.get("/v1/models", if_none_match=tag, **headers)
    assert (newer.status_code, len(newer.json()["data"])) == (200, 2)


async def test_route_is_explained_without_asking_anybody(
    api: Api, make_channel: MakeChannel, fake: Fake
) -> None:
    for name, fields in (
        ("first", {"priority": 2}), ("second", {"priority": 1}),
        ("other", {"model_names": ["else"]}), ("elsewhere", {"endpoint": "Mine"}),
    ):  # fmt: skip
        await in_database(make_channel, name, **fields)
    await give()
    route = (await api.get("/v1/route-check?model=tutor")).json()
    assert (route["resolved_model"], route["preset"]) == ("m", "tutor")
    assert route["chosen"] == {"channel": "first", "model": "gpt-fake"}
    found = {each["channel"]: (each["order"], each["skipped"]) for each in route["candidates"]}
    assert found == {
        "first": (1, None), "second": (2, None), "other": (None, "does not list the model"),
        "elsewhere": (None, "belongs to another endpoint"),
    }  # fmt: skip
    assert fake.received() == []
    assert (await api.get("/v1/route-check?model=nothing")).status_code == 404
    assert (await api.get("/v1/route-check")).status_code == 400


MODEL_NAMES = ("m1", "m2", "m3")
SLUGS = ("p1", "p2")
ALIASES = ("a1", "a2")
UNLISTED = ("x-1", "x-2")  # no channel lists these: rules may send them to one
PATTERNS = ("x-*", "x-1", "m*", "m3", "*")


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
async def test_what_is_listed_is_what_can_be_called(
    api: Api, make_channel: MakeChannel, fake: Fake, alice: User, client_for: ClientFor, data: Any
) -> None:
    """Over random channels, groups, presets, rules and keys: the list, the call and the route
    agree; so does the chat's own list about models."""
    lists = st.none() | st.lists(
        st.sampled_from((*MODEL_NAMES, *SLUGS, *ALIASES, *UNLISTED, "*")), unique=True
    )
    world = {
        "channels": data.draw(
            st.lists(st.lists(st.sampled_from(MODEL_NAMES), min_size=1, unique=True), max_size=3)
        ),
        "active": data.draw(st.lists(st.booleans(), min_size=3, max_size=3)),
        "closed": data.draw(st.lists(st.booleans(), min_size=3, max_size=3)),
        "rules": data.draw(
            st.lists(st.tuples(st.sampled_from(PATTERNS), st.integers(0, 2)), max_size=2)
        ),
        "aliases": data.draw(
            st.lists(st.sampled_from(MODEL_NAMES + UNLISTED), max_size=len(ALIASES))
        ),
        "presets": data.draw(st.lists(st.sampled_from(MODEL_NAMES), max_size=2)),
        "member": data.draw(st.booleans()),
        "to_group": data.draw(st.booleans()),
        "enforce": data.draw(st.booleans()),
        "models": data.draw(lists),
        "slugs": data.draw(lists),
    }
    secret = await in_database(_build, alice, make_channel, world)
    api.key = secret
    shown_list = (await api.get("/v1/models")).json()
    listed = [each["id"] for each in shown_list["data"]]
    by_channels = {
        name for names, is_on in zip(world["channels"], world["active"], strict=False) if is_on
        for name in names
    }  # fmt: skip
    for name in MODEL_NAMES + SLUGS + ALIASES + UNLISTED:
        has_shape = any(fnmatchcase(name, pattern) for pattern in shown_list["patterns"])
        is_listed = name in listed or (has_shape and name not in by_channels | taken(world))
        called = await api.chat(model=name)
        route = await api.get(f"/v1/route-check?model={name}")
        assert (called.status_code == 200) is is_listed, (name, world, called.text)
        assert (route.status_code == 200) is is_listed, (name, world, route.text)
        shown = await api.get(f"/v1/models/{name}")
        assert (shown.status_code == 200) is is_listed
    if world["models"] is None and not world["enforce"]:
        chat = await in_database(lambda: client_for(alice).get("/api/models").json())
        assert {m for m in listed if m not in SLUGS} == {m for ms in chat.values() for m in ms}


def taken(world: dict[str, Any]) -> set[str]:
    """Names that are something else than a model, whatever shape they have."""
    return set(ALIASES[: len(world["aliases"])])


def _build(alice: User, make_channel: MakeChannel, world: dict[str, Any]) -> str:
    for model in (NameRule, ModelAlias, Channel, Assignment, Preset, Policy, Group):
        model.objects.all().delete()
    group = Group.objects.create(name="G", slug="g")
    channels = []
    for number, names in enumerate(world["channels"]):
        channel = make_channel(
            f"c{number}", model_names=names, model_mapping={}, is_active=world["active"][number],
            is_for_everyone=not world["closed"][number],
        )  # fmt: skip
        channel.groups.set([group])
        channels.append(channel)
    for pattern, number in dict.fromkeys(world["rules"]):
        if number < len(channels):
            save_route(row=NameRule(pattern=pattern, channel=channels[number]))
    for name, target in zip(ALIASES, world["aliases"], strict=False):
        save_route(row=ModelAlias(name=name, target=target))
    if world["member"]:
        add_member(actor=None, group=group, user=alice)
    for slug, model in zip(SLUGS, world["presets"], strict=False):
        preset = Preset.objects.create(**TUTOR | {"slug": slug, "model": model})
        Assignment.objects.create(preset=preset, group=group if world["to_group"] else None)
    if world["enforce"]:
        Policy.objects.create(enforce=True)
    new = services.create_token(
        user=alice, name="k", model_names=world["models"], preset_slugs=world["slugs"]
    )
    return new.secret


async def test_program_takes_part_in_an_experiment_as_its_person_does(
    api: Api, make_channel: MakeChannel, alice: User
) -> None:
    await in_database(lambda: make_channel(model_names=["m", "m2"]))
    preset = await give()
    fields = {"name": "tone", "preset": preset, "variants": [{"name": "new", "model": "m2"}]}
    row = await in_database(
        lambda: running.save_experiment(actor=None, experiment=None, fields=fields)
    )
    await in_database(lambda: running.set_share(actor=None, experiment=row, percent=100))
    assert (await api.chat(model="tutor")).status_code == 200
    await in_database(lambda: running.set_share(actor=None, experiment=row, percent=0))
    await api.chat(model="tutor")
    turn = await in_database(lambda: resolve_turn(alice, endpoint="", model="", spec="tutor"))
    logged = [(row.experiment, row.variant, row.served_model) for row in await log_rows()]
    assert logged == [("tone", "new", "m2"), ("tone", "control", "gpt-fake")]
    assert turn.variant == "control"
