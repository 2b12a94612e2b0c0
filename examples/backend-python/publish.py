"""Publishes what happens in a backend: python3 publish.py /news '{"headline":"It works"}'

The address of the server is in BAYEUX_URL, a key of its API in BAYEUX_KEY. It needs Python 3.9, and nothing else.
"""

import json
import os
import sys
import urllib.request

URL = os.environ.get("BAYEUX_URL", "http://localhost:8787/cometd")
KEY = os.environ["BAYEUX_KEY"]


def publish(*messages):
    """Publishes messages, {"channel": …, "data": …}, in one call. Returns their replies; those that are refused are an error."""
    request = urllib.request.Request(
        f"{URL}/api/publish",
        data=json.dumps(messages).encode(),
        headers={"authorization": f"Bearer {KEY}", "content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        replies = json.load(response)
    for reply in replies:
        if not reply.get("successful", True):
            raise RuntimeError(f"{reply['channel']}: {reply['error']}")
    return replies


if __name__ == "__main__":
    channel, data = sys.argv[1:]
    print(json.dumps(publish({"channel": channel, "data": json.loads(data)})))
