"""A LibreChat configuration loaded again, tried out, or broken: what is kept and what changes."""

import pytest

from accounts.models.stamp import current_stamp
from files.models import EndpointRules, FileRules
from librechat_backend.lib.crypto import decrypt
from moving.models import LoadedThing
from presets.files import InvalidFile
from presets.models import Assignment, Policy, Preset
from providers import services
from providers.models import Channel, ChannelKey
from tests.moving.conftest import ONE, Load
from usage.models import BillingRules, Price

# -- Again, and by hand ----------------------------------------------------------------------


def test_a_second_run_changes_nothing(load_all: Load) -> None:
    first = load_all()
    before = {model: list(model.objects.values()) for model in _TABLES}
    second = load_all()
    assert first.differences
    assert (second.differences, second.by_hand) == ([], [])
    assert {model: list(model.objects.values()) for model in _TABLES} == before


_TABLES = (
    Channel, ChannelKey, Price, Preset, Assignment, Policy, FileRules, EndpointRules, BillingRules,
)  # fmt: skip


def test_what_the_file_changes_is_changed(load_text: Load) -> None:
    load_text(ONE, KEY="k-1234567890123")
    changed = ONE.replace("label: Pilot", "label: Captain").replace(
        "completion: 2", "completion: 3"
    )
    report = load_text(changed.replace("modelDisplayLabel: Pilot", ""), KEY="k-other-1234567")
    assert [(d.verb, d.what, d.name) for d in report.differences] == [
        ("change", "channel", "Harbour"),
        ("change", "price", "tide-1 at Harbour"),
        ("change", "preset", "pilot"),
    ]
    assert decrypt(ChannelKey.objects.get().encrypted) == "k-other-1234567"
    old, new = Price.objects.order_by("valid_from")
    assert (old.output_credits, new.output_credits) == (2_000_000, 3_000_000)
    assert old.valid_until == new.valid_from
    assert Preset.objects.get().name == "Captain"
    assert Channel.objects.get().menu_label == "Pilot"  # nothing says otherwise


def test_what_people_have_changed_is_kept_and_reported(load_text: Load) -> None:
    load_text(ONE, KEY="k-1234567890123")
    channel = Channel.objects.get()
    channel.menu_label, channel.model_names = "By hand", ["tide-1", "tide-9"]
    services.save_channel(channel=channel)
    services.set_secret(key=channel.keys.get(), secret="k-by-hand-1234567")
    changed = ONE.replace("[tide-1]", "[tide-1, tide-2]")
    report = load_text(changed, KEY="k-1234567890123")
    assert report.differences == []
    (kept,) = report.by_hand
    assert {field.name: (field.before, field.after) for field in kept.fields} == {
        "menu_label": ("By hand", "Pilot"),
        "model_names": (["tide-1", "tide-9"], ["tide-1", "tide-2"]),
        "key": ("…", "…"),
    }
    channel.refresh_from_db()
    assert channel.menu_label == "By hand"
    assert decrypt(channel.keys.get().encrypted) == "k-by-hand-1234567"
    load_text(changed, overwrites=True, KEY="k-1234567890123")
    channel.refresh_from_db()
    assert (channel.menu_label, channel.model_names) == ("Pilot", ["tide-1", "tide-2"])
    assert decrypt(channel.keys.get().encrypted) == "k-1234567890123"


def test_what_people_have_deleted_stays_away(load_text: Load) -> None:
    load_text(ONE, KEY="k-1234567890123")
    Preset.objects.all().delete()
    services.delete_channel(channel=Channel.objects.get())
    report = load_text(ONE, KEY="k-1234567890123")
    assert not Channel.objects.exists()
    assert [(d.verb, d.what, d.name) for d in report.by_hand] == [
        ("remove", "channel", "Harbour"), ("remove", "preset", "pilot"),
    ]  # fmt: skip
    load_text(ONE, overwrites=True, KEY="k-1234567890123")
    assert (Channel.objects.get().name, Preset.objects.get().slug) == ("Harbour", "pilot")


def test_a_channel_of_the_same_name_is_not_overwritten(load_text: Load) -> None:
    services.save_channel(channel=Channel(name="Harbour", kind="openai", base_url="https://mine"))
    report = load_text(ONE, KEY="k-1234567890123")
    row = Channel.objects.get()
    assert (row.kind, row.base_url, row.endpoint) == ("openai", "https://mine", "Harbour")
    assert {field.name for field in report.by_hand[0].fields} == {"kind", "base_url"}


def test_what_left_the_file_stays_and_is_named(load_text: Load) -> None:
    load_text(ONE, KEY="k-1234567890123")
    report = load_text("version: 1.3.14")
    assert "preset pilot" in report.gone
    assert Preset.objects.exists()


# -- Trying out, and failing -----------------------------------------------------------------


def test_trying_out_writes_nothing_and_tells_the_same(load_all: Load) -> None:
    stamp = current_stamp()
    tried = load_all(dry_run=True)
    assert not any(model.objects.exists() for model in (*_TABLES, LoadedThing))
    assert current_stamp() == stamp
    loaded = load_all()
    shown = [(d.verb, d.what, d.name, d.fields) for d in tried.differences]
    assert shown == [(d.verb, d.what, d.name, d.fields) for d in loaded.differences]
    assert tried.lines == loaded.lines


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("endpoints:\n  custom:\n - x", "line 3"),
        ("a: 1\nb: 2\na: 3", "line 3, a: This is said twice."),
        ("- a\n- b", "line 1: A librechat.yaml holds names with values."),
        ("", "line 1: A librechat.yaml holds names with values."),
        ("a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
            f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n"
            for n in range(7)), "More than 100000 values"),
        ("a: &a {b: *a}", "line 1"),
        ("a: !!python/object:os.system x", "line 1: Could not determine a constructor"),
        ("a: " + "x" * 10_000_000, "The file is larger than"),
        ("a: \x01", "line 1"),
    ],
    ids=range(9),
)  # fmt: skip
def test_an_unreadable_file_is_refused_with_its_line(
    load_text: Load, text: str, complaint: str
) -> None:
    with pytest.raises(InvalidFile) as raised:
        load_text(text)
    assert complaint in str(raised.value)


def test_a_broken_write_leaves_nothing(load_text: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_options: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("moving.librechat_yaml.targets.save_policy", fail)
    with pytest.raises(RuntimeError):
        load_text(ONE, KEY="k-1234567890123")
    assert not any(model.objects.exists() for model in (*_TABLES, LoadedThing))
