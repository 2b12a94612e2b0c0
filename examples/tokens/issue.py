"""Issues a token for somebody who has logged in: python3 issue.py alice '{"subscribe":["/chat/**"]}'

The secret, the same as TOKEN_KEYS of the server, is in TOKEN_SECRET. It needs Python 3.9, and nothing else.
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time

LIFE = 15 * 60  # s: a session lives as long as its token; the client fetches another one in time


def issue(secret, sub, claims=None, now=None):
    """A JSON Web Token (RFC 7519), signed with HS256."""
    iat = int(time.time() if now is None else now)
    parts = [{"alg": "HS256", "typ": "JWT"}, {**(claims or {}), "sub": sub, "iat": iat, "exp": iat + LIFE}]
    signed = b".".join(base64url(json.dumps(part).encode()) for part in parts)
    signature = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
    return (signed + b"." + base64url(signature)).decode()


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


if __name__ == "__main__":
    user, *claims = sys.argv[1:]
    print(issue(os.environ["TOKEN_SECRET"], user, json.loads(claims[0]) if claims else None))
