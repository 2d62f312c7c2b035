from providers.adapters.clients import LIMIT, ClientCache


class Client:
    def __init__(self) -> None:
        self.is_closed = False


async def close(client: Client) -> None:
    client.is_closed = True


async def borrow(cache: ClientCache[Client], key: int) -> Client:
    async with cache.borrow(key, Client) as client:
        return client


async def test_client_is_kept_for_the_next_call() -> None:
    cache = ClientCache(close, sdk="json")
    assert await borrow(cache, 1) is await borrow(cache, 1)


async def test_longest_unused_client_is_closed_when_there_are_too_many() -> None:
    cache = ClientCache(close, sdk="json")
    first, second = await borrow(cache, -1), await borrow(cache, -2)
    await borrow(cache, -1)
    clients = [await borrow(cache, number) for number in range(LIMIT - 1)]
    assert (first.is_closed, second.is_closed) == (False, True)
    assert not any(client.is_closed for client in clients)


async def test_client_in_use_is_not_closed() -> None:
    cache = ClientCache(close, sdk="json")
    async with cache.borrow(-1, Client) as used:
        for number in range(LIMIT * 2):
            await borrow(cache, number)
        await cache.close()
        assert not used.is_closed
        assert await borrow(cache, -1) is used
    await cache.close()
    assert used.is_closed
