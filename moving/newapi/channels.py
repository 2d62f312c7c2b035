"""Channels of the old server, each with its keys."""

from django.db import transaction

from moving.newapi import reading
from moving.newapi.move import Move
from moving.newapi.values import Row, Unreadable, text
from moving.tally import Tally
from providers import services
from providers.guard import problem_with
from providers.models import Channel, ChannelKey

_UNNAMED = frozenset({"Custom", "OpenAI-compatible"})


def take_channels(move: Move) -> None:
    done = 0
    for rows in move.source.batches("channels"):
        for row in rows:
            _take_channel(move, row)
        done += len(rows)
        move.reached("channels", done)


def _take_channel(move: Move, row: Row) -> None:
    tally, example = move.tally("channels"), text(row, "name") or text(row, "id")
    tally.read += 1
    try:
        found = reading.read_channel(row, move.flavour)
    except Unreadable as problem:
        tally.skip(str(problem), example, is_lost=True)
        return
    for what in found.left_out:
        tally.note(f"not taken over: {what}", example)
    channel_id = move.names.id_of("channel", found.source_id)
    move.channel_ids.append(channel_id)
    if Channel.objects.filter(pk=channel_id).exists():
        tally.unchanged += 1
        return
    _count(tally, found, example)
    if not move.is_dry:
        _write(move, found)


def _count(tally: Tally, found: reading.Channel, example: str) -> None:
    tally.written += 1
    tally.add("keys", len(found.keys))
    if not found.is_active:
        tally.note("is switched off, as it was there", example)
    elif found.base_url and (advice := problem_with(found.base_url)):
        tally.note("cannot be reached as things are", f"{example}: {advice}")


@transaction.atomic
def _write(move: Move, found: reading.Channel) -> None:
    channel = _channel(move, found)
    services.save_channel(channel=channel)
    if not channel.is_for_everyone:
        channel.groups.set(move.groups[name] for name in found.groups)
    for key in found.keys:
        row = ChannelKey(channel=channel, label=key.label, is_active=key.is_active)
        services.set_secret(key=row, secret=key.secret)


def _channel(move: Move, found: reading.Channel) -> Channel:
    return Channel(
        id=move.names.id_of("channel", found.source_id),
        name=_free_name(found),
        kind=found.service.kind,
        endpoint=_endpoint(found),
        base_url=found.base_url,
        model_names=found.model_names,
        model_mapping=found.model_mapping,
        headers=found.headers,
        options=found.options,
        parameter_overrides=found.parameter_overrides,
        priority=found.priority,
        weight=found.weight,
        is_active=found.is_active,
        is_for_everyone=move.groups_in_use <= set(found.groups),
    )


def _endpoint(found: reading.Channel) -> str:
    """Services without a kind of their own here are told apart in the menu."""
    is_named = found.service.kind == "compatible" and found.service.label not in _UNNAMED
    return found.service.label if is_named else ""


def _free_name(found: reading.Channel) -> str:
    if not Channel.objects.filter(name=found.name).exists():
        return found.name
    return f"{found.name[:85]} ({found.source_id})"
