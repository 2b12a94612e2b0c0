"""aiocometd against the fixture whose address is the argument."""
import asyncio
import sys

from aiocometd import Client, ConnectionType
from aiocometd.exceptions import ServerError

PATIENCE = 10  # s


async def talk(url, kind):
    async with Client(url, connection_types=kind) as alice, Client(url, connection_types=kind) as bob:
        await alice.subscribe("/python/**")
        for number in range(50):
            await bob.publish(f"/python/{number}", {"number": number})
        heard = [await asyncio.wait_for(alice.receive(), PATIENCE) for _ in range(50)]
        assert [(message["channel"], message["data"]) for message in heard] == [
            (f"/python/{number}", {"number": number}) for number in range(50)
        ], heard
        try:
            await alice.subscribe("/auth/x")
        except ServerError as denial:
            assert denial.error == "403:denied_by_security_policy:subscribe_denied", denial
        else:
            raise AssertionError("not denied")
        print(f"aiocometd over {alice.connection_type.value}: 50 in order, a denial")


async def main(url):
    for kind in (ConnectionType.WEBSOCKET, ConnectionType.LONG_POLLING):
        await talk(url, kind)


asyncio.run(main(sys.argv[1]))
