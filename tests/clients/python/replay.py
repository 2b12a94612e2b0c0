"""aiosfstream-ng, Salesforce's streaming client for Python, with replay, against the fixture whose address is the
argument."""
import asyncio
import sys
import time

from aiocometd_ng import Client as Publisher
from aiosfstream_ng import Client, ReplayOption
from aiosfstream_ng.auth import AuthenticatorBase
from aiosfstream_ng.exceptions import ServerError
from aiosfstream_ng.replay import DefaultMappingStorage

PATIENCE = 10  # s
CHANNEL = f"/hist/python-{time.time_ns()}"


class Nobody(AuthenticatorBase):
    """Salesforce's log-in, left out: the fixture asks nobody who they are."""

    async def _authenticate(self):
        return 200, {"token_type": "Bearer", "access_token": "x", "instance_url": ""}


class Listener(Client):
    @staticmethod
    def get_cometd_url(_instance_url):
        return sys.argv[1]


def listen(replay, **options):
    return Listener(Nobody(), replay=replay, **options)


async def numbers(client, count):
    heard = [await asyncio.wait_for(client.receive(), PATIENCE) for _ in range(count)]
    return [message["data"]["n"] for message in heard]


async def say(*numbers):
    async with Publisher(sys.argv[1]) as publisher:
        for n in numbers:
            await publisher.publish(CHANNEL, {"n": n})


async def main():
    await say(1, 2)
    # A dictionary of the numbers, as a program keeps them through its breaks. With an empty one alone the client asks
    # for nothing, and its events have no numbers.
    kept = {}
    async with listen(DefaultMappingStorage(kept, ReplayOption.ALL_EVENTS)) as client:
        await client.subscribe(CHANNEL)
        assert await numbers(client, 2) == [1, 2]
    async with listen(ReplayOption.NEW_EVENTS) as client:
        await client.subscribe(CHANNEL)
        await say(3)
        assert await numbers(client, 1) == [3]
    async with listen(kept) as client:
        await client.subscribe(CHANNEL)
        assert await numbers(client, 1) == [3]
    await say(4, 5)
    async with listen(kept) as client:
        await client.subscribe(CHANNEL)
        assert await numbers(client, 2) == [4, 5]
    stale = {CHANNEL: kept[CHANNEL]._replace(replay_id=82)}
    async with listen(dict(stale)) as client:
        try:
            await client.subscribe(CHANNEL)
        except ServerError as refusal:
            assert refusal.error == f"400:{CHANNEL},82:replay_id_not_kept", refusal
        else:
            raise AssertionError("a number that is not kept is refused")
    # It recognises the refusal, and takes all that is kept instead.
    async with listen(dict(stale), replay_fallback=ReplayOption.ALL_EVENTS) as client:
        await client.subscribe(CHANNEL)
        assert await numbers(client, 5) == [1, 2, 3, 4, 5]
    print("aiosfstream-ng: all, after a number, new ones, a refusal and the way out of it")


asyncio.run(main())
