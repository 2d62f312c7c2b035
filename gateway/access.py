"""Who calls, and what they may: from memory, for as long as nothing has changed.

The hot path asks for the stamps (gateway/stamps.py) and finds the rest here. Nothing of it is
trusted longer than its stamps are the same, so a revoked key, a deactivated or banned person, a
banned address, a changed preset or channel count from the next request on, in every process.
"""

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime

from accounts.models import Ban, User
from accounts.services.bans import BannedAddresses, banned_addresses
from gateway.catalog import Catalog, Entry, find_by_rule, make_catalog
from gateway.errors import AddressBanned, InvalidKey, NotAllowedHere
from gateway.limiting import KeyLimits
from gateway.models import ApiToken
from gateway.stamps import Stamps, fresh_stamps
from gateway.tokens import hash_secret, looks_like_secret
from librechat_backend.lib.aio import in_database
from librechat_backend.lib.internal_hosts import Network, parse_network
from librechat_backend.lib.json import JSONDict
from presets.resolver import Offer, offer_for
from providers.route_table import RouteTable
from providers.snapshots import current_table
from usage.ledger.pools import Billing, Payer, billing_under
from usage.prices import current_prices
from usage.pricing import PriceTable
from usage.rate_limits import Rules, current_rules

CACHED_CALLERS = 8192


@dataclass(frozen=True, slots=True)
class Caller:
    """A usable key with everything that follows from it; ``stamps`` say how long it holds."""

    token: ApiToken
    user: User
    offer: Offer
    catalog: Catalog
    table: RouteTable
    networks: tuple[Network, ...] | None
    groups: list[JSONDict]
    rules: Rules
    prices: PriceTable
    billing: Billing
    payer: Payer
    banned: BannedAddresses
    limits: KeyLimits
    stamps: Stamps

    def find(self, name: str, provider: str = "") -> Entry | None:
        """What ``name`` calls; None where it is not the caller's to call."""
        return self.catalog.find(name, provider) or find_by_rule(
            self.offer, self.table, models=self.token.model_names, name=name, provider=provider
        )

    def holds(self, stamps: Stamps, now: datetime) -> bool:
        until = self.offer.resolution.valid_until
        is_same = self.stamps is stamps or self.stamps == stamps
        return is_same and (until is None or now < until)


_callers: OrderedDict[str, Caller] = OrderedDict()


async def find_caller(secret: str, ip_address: str) -> Caller:
    """Raises InvalidKey, AddressBanned, NotAllowedHere."""
    if not looks_like_secret(secret):
        raise InvalidKey
    stamps = await fresh_stamps()
    digest = hash_secret(secret)
    caller, now = _callers.get(digest), datetime.now(UTC)
    if caller is None or not caller.holds(stamps, now):
        caller = await in_database(_load, digest, stamps)
        _keep(digest, caller)
    if caller is None:
        raise InvalidKey
    if caller.token.expires_at is not None and caller.token.expires_at <= now:
        raise InvalidKey("This API key has expired.", code="expired_api_key")
    if caller.banned.holds(ip_address, now):
        raise AddressBanned
    if not _is_inside(ip_address, caller.networks):
        raise NotAllowedHere
    return caller


def _keep(digest: str, caller: Caller | None) -> None:
    _callers.pop(digest, None)
    if caller is None:
        return
    _callers[digest] = caller
    if len(_callers) > CACHED_CALLERS:
        _callers.popitem(last=False)


def _load(digest: str, stamps: Stamps) -> Caller | None:
    """None for a key that opens nothing. What is read here is at least as new as ``stamps``."""
    token = ApiToken.objects.select_related("user").filter(token_hash=digest).first()
    if token is None or not token.is_active or not token.user.is_active:
        return None
    if Ban.objects.filter(user=token.user, expires_at__gt=datetime.now(UTC)).exists():
        return None
    offer, table = offer_for(token.user), current_table()
    return Caller(
        token=token,
        user=token.user,
        offer=offer,
        catalog=make_catalog(offer, table, models=token.model_names, presets=token.preset_slugs),
        table=table,
        networks=None if token.networks is None else tuple(map(parse_network, token.networks)),
        groups=[{"id": group_id, "name": name} for group_id, name in offer.resolution.groups],
        rules=current_rules(stamps.access),
        prices=current_prices(offer.access_stamp),
        billing=billing_under(offer.access_stamp, exists=offer.has_billing),
        payer=Payer(
            user_id=token.user.id,
            groups=offer.resolution.groups,
            token_id=token.id,
            token_name=token.name,
        ),
        banned=banned_addresses(stamps.access),
        limits=KeyLimits(token),
        stamps=stamps,
    )


def _is_inside(ip_address: str, networks: tuple[Network, ...] | None) -> bool:
    if networks is None:
        return True
    address = ipaddress.ip_address(ip_address)
    return any(address in network for network in networks)
