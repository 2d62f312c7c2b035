"""Keys of the old server: the same text goes on opening the same person's models."""

from datetime import datetime

from django.db import transaction
from django.db.models import Q

from gateway.models import ApiToken
from gateway.services import announce_change
from gateway.tokens import hash_secret, shown_prefix
from moving.newapi import reading
from moving.newapi.move import Move
from moving.newapi.reading import credits_of, read_token
from moving.newapi.values import Deleted, Row, Unreadable, text
from usage.models import Budget


def take_tokens(move: Move) -> None:
    done = 0
    for rows in move.source.batches("tokens"):
        found = [token for row in rows if (token := _read(move, row))]
        new = _without_known(move, found)
        if new and not move.is_dry:
            _write(move, new)
        done += len(rows)
        move.reached("tokens", done)


def _read(move: Move, row: Row) -> reading.Token | None:
    tally, example = move.tally("tokens"), text(row, "name") or text(row, "id")
    tally.read += 1
    try:
        token = read_token(row, move.now)
    except Deleted as problem:
        tally.skip(str(problem), example)
        return None
    except Unreadable as problem:
        tally.skip(str(problem), example, is_lost=True)
        return None
    if token.user_id not in move.user_ids:
        is_lost = str(token.user_id) in move.refused
        tally.skip("its person was not taken over", example, is_lost=is_lost)
        return None
    for what in token.left_out:
        tally.note(f"not taken over: {what}", example)
    return token


def _without_known(move: Move, tokens: list[reading.Token]) -> list[reading.Token]:
    by_id: dict[str, reading.Token] = {}
    for token in tokens:
        by_id.setdefault(move.names.id_of("token", token.source_id), token)
    by_hash = {hash_secret(token.secret): token for token in by_id.values()}
    rows = ApiToken.objects.filter(Q(pk__in=by_id) | Q(token_hash__in=by_hash))
    known = {text for row in rows.values_list("pk", "token_hash") for text in row}
    new = [
        token
        for hash_, token in by_hash.items()
        if hash_ not in known and move.names.id_of("token", token.source_id) not in known
    ]
    move.token_hashes += by_hash
    move.tally("tokens").unchanged += len(tokens) - len(new)
    move.tally("tokens").written += len(new)
    return new


@transaction.atomic
def _write(move: Move, tokens: list[reading.Token]) -> None:
    announce_change()
    rows = ApiToken.objects.bulk_create([_row(move, token) for token in tokens])
    created: dict[str, datetime] = {
        row.pk: token.created_at
        for row, token in zip(rows, tokens, strict=True)
        if token.created_at
    }
    for row in rows:
        row.created_at = created.get(row.pk, row.created_at)
    ApiToken.objects.bulk_update(rows, ["created_at"])
    Budget.objects.bulk_create(
        [_budget(move, token) for token in tokens if token.remaining_units is not None]
    )


def _row(move: Move, token: reading.Token) -> ApiToken:
    return ApiToken(
        id=move.names.id_of("token", token.source_id),
        user_id=move.user_ids[token.user_id],
        name=token.name,
        token_hash=hash_secret(token.secret),
        prefix=shown_prefix(token.secret),
        is_active=token.is_active,
        model_names=token.model_names,
        networks=token.networks,
        expires_at=token.expires_at,
        last_used_at=token.last_used_at,
    )


def _budget(move: Move, token: reading.Token) -> Budget:
    """What was left of the key's own quota."""
    assert token.remaining_units is not None  # noqa: S101 - asked before
    return Budget(
        id=move.names.id_of("budget", token.source_id),
        name=f"{token.name}: what was left",
        owner_kind=Budget.Owner.TOKEN,
        owner_id=move.names.id_of("token", token.source_id),
        limit_credits=credits_of(token.remaining_units, move.units_per_usd),
        window=Budget.Window.TOTAL,
    )
