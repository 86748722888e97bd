"""
An OpenID Connect provider that is strict about what it is sent, and can be told to lie; it listens on a socket of its own.

What it demands is what the standard lets a provider demand: PKCE, the nonce, the redirect address, the client's secret by basic
authentication, each code once.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import secrets
import threading
import time
import urllib.parse
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CLIENT_ID = "bongsu/one"
CLIENT_SECRET = "a secret: with +%"


@dataclass
class StrictProvider:
    """What it says of people, and which lies it tells."""

    issuer: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)
    change_token: Callable[[dict[str, Any]], dict[str, Any]] = lambda claims: claims
    sign: Callable[[dict[str, Any]], str] | None = None
    document: dict[str, Any] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "first"}))
    asked: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def rotate(self, kid: str = "second") -> None:
        """Sign with a new key from now on; the old one is gone."""
        self.key = RSAKey.generate_key(2048, {"kid": kid})

    def authorize(self, url: str) -> str:
        """Be the person at the provider: return the code for an authorization request."""
        sent = {
            name: values[0]
            for name, values in urllib.parse.parse_qs(urllib.parse.urlsplit(url).query).items()
        }
        for name in ("state", "nonce", "code_challenge", "redirect_uri"):
            if not sent.get(name):
                self.problems.append(f"no {name}")
        expected = {"response_type": "code", "client_id": CLIENT_ID, "code_challenge_method": "S256"}
        self.problems += [
            f"{name} is {sent.get(name)}" for name, value in expected.items() if sent.get(name) != value
        ]
        code = secrets.token_urlsafe(16)
        self.codes[code] = sent
        return code

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """Answer a code."""
        pair = base64.b64encode(
            f"{urllib.parse.quote(CLIENT_ID, safe='')}:{urllib.parse.quote(CLIENT_SECRET, safe='')}".encode()
        ).decode()
        if authorization != f"Basic {pair}":
            return 401, {"error": "invalid_client"}
        asked = self.codes.pop(form.get("code", ""), None)
        if asked is None or form.get("redirect_uri") != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != asked["code_challenge"]:
            return 400, {"error": "invalid_grant", "error_description": "PKCE"}
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            **self.claims,
        }
        claims = self.change_token(claims)
        token = (
            self.sign(claims)
            if self.sign
            else jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)
        )
        return 200, {"id_token": token, "access_token": "an-access-token", "token_type": "Bearer"}

    def logout_token(self, **changed: Any) -> str:
        """Return the token by which it says that somebody has signed out; a claim that is changed to None is left out."""
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": int(time.time()),
            "exp": int(time.time()) + 120,
            "jti": secrets.token_hex(8),
            "sub": self.claims.get("sub"),
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
            **changed,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": "RS256", "kid": self.key.kid, "typ": "logout+jwt"}
        return self.sign(claims) if self.sign else jwt.encode(header, claims, self.key)

    def answer(self, path: str) -> tuple[int, Any]:
        """Answer a GET."""
        self.asked.append(path)
        if path == "/.well-known/openid-configuration":
            return 200, {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize?tenant=a",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
                "end_session_endpoint": f"{self.issuer}/end",
                "id_token_signing_alg_values_supported": ["RS256"],
                **self.document,
            }
        if path == "/keys":
            return 200, KeySet([self.key]).as_dict(private=False)
        if path == "/userinfo":
            return 200, {"sub": self.claims.get("sub"), **self.more}
        return 404, {}


@contextlib.contextmanager
def running_strict_provider(**known: Any) -> Iterator[StrictProvider]:
    """Run a provider for the length of a block."""
    provider = StrictProvider(**known)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.reply(*provider.answer(self.path))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            form = {name: values[0] for name, values in urllib.parse.parse_qs(body).items()}
            self.reply(*provider.token(form, self.headers.get("authorization", "")))

        def reply(self, status: int, document: Any) -> None:
            body = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
