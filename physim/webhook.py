"""Events of a sweep, sent to a URL and signed, so that who receives them knows that nobody else wrote them.

Each is one POST of JSON with ``X-Physim-Timestamp``, seconds since 1970, and ``X-Physim-Signature``: "sha256=" and the
HMAC (RFC 2104) of timestamp, a full stop and body. :func:`signed_by` checks it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import queue
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from physim.events import Event

TIMESTAMP, SIGNATURE = "X-Physim-Timestamp", "X-Physim-Signature"
SEVERAL = 3
"""Times that a message is sent before it is given up."""
WAITING = 1000
"""Messages that wait at most; where the receiver is slower, reports of single runs are left out."""
AGE = 300.0
"""A message older than this is not believed [s]: nobody may send it again later."""

_log = logging.getLogger(__name__)


class Webhook:
    """Sends events to ``url``; a sweep neither waits for it nor fails with it.

    Give it to ``physim.sweep(on_event=...)``. Used as a context manager it sends what waits before it ends.

    Args:
        url: http or https.
        secret: Shared with the receiver; empty: unsigned.
        every: Least time between two reports of runs that are done [s]; all other events are always sent.
        timeout: Of one attempt [s].

    Raises:
        ValueError: No such URL.
    """

    def __init__(self, url: str, secret: str = "", *, every: float = 30.0, timeout: float = 10.0) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"the webhook is {url!r}, expected http://... or https://....")
        self.url, self._secret, self._every, self._timeout = url, secret, every, timeout
        self._told = -float("inf")
        self.lost = 0
        """Messages that nobody took."""
        self._waiting: queue.Queue[bytes | None] = queue.Queue(WAITING)
        self._sender = threading.Thread(target=self._send_all, daemon=True, name="webhook")
        self._sender.start()

    def __call__(self, event: Event) -> None:
        now = time.monotonic()
        if event.kind == "done":
            if now - self._told < self._every:
                return
            self._told = now
        try:
            self._waiting.put_nowait(json.dumps(asdict(event), ensure_ascii=False).encode())
        except queue.Full:
            self.lost += 1

    def close(self, seconds: float = 30.0) -> None:
        """Send what waits; give up after ``seconds``."""
        try:
            self._waiting.put(None, timeout=seconds)
        except queue.Full:
            return
        self._sender.join(seconds)

    def __enter__(self) -> Webhook:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send_all(self) -> None:
        while (body := self._waiting.get()) is not None:
            reason = ""
            for attempt in range(SEVERAL):
                if attempt:
                    time.sleep(2.0 ** (attempt - 1))
                try:
                    self._send(body)
                    break
                except (OSError, ValueError) as error:  # also what urllib raises
                    reason = str(error)
            else:
                self.lost += 1
                _log.warning("the webhook %s took no message, after %d attempts: %s", self.url, SEVERAL, reason)

    def _send(self, body: bytes) -> None:
        headers = {"Content-Type": "application/json", "User-Agent": "physim"}
        if self._secret:
            headers |= signature(body, self._secret, int(time.time()))
        request = urllib.request.Request(self.url, body, headers, method="POST")
        with _opener.open(request, timeout=self._timeout):
            pass


class _Straight(urllib.request.HTTPRedirectHandler):
    """A message goes where it was addressed to, or nowhere."""

    def redirect_request(self, *_: Any) -> None:
        return None


_opener = urllib.request.build_opener(_Straight)


def signature(body: bytes, secret: str, timestamp: int) -> dict[str, str]:
    """Headers that sign a body."""
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {TIMESTAMP: str(timestamp), SIGNATURE: f"sha256={digest}"}


def signed_by(secret: str, headers: Mapping[str, str], body: bytes, *, now: float | None = None) -> bool:
    """Whether a message was sent by who knows the secret, and lately.

    Args:
        secret: Shared with the sender.
        headers: Of the request, in any case of letters.
        body: Of the request, as it came.
        now: Seconds since 1970; default: the clock's.
    """
    given = {name.lower(): value for name, value in headers.items()}
    stamp = given.get(TIMESTAMP.lower(), "")
    if not (stamp.isascii() and stamp.isdigit()) or abs((time.time() if now is None else now) - int(stamp)) > AGE:
        return False
    expected = signature(body, secret, int(stamp))[SIGNATURE]
    return hmac.compare_digest(expected.encode(), given.get(SIGNATURE.lower(), "").encode())
