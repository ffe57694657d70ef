"""Serve the page: a few files, by name, to one machine."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import shutil
import socket
import sys
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_address
from pathlib import Path, PurePosixPath
from socketserver import ThreadingTCPServer
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

from fast_nst.apps.web.site import Site
from fast_nst.errors import ConfigError

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".onnx": "application/octet-stream",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
}
# The page may load from where it came from only; images and recordings that it makes itself have
# blob: addresses. The page says the same in its own head, as a static host sends no headers.
POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src 'self' blob: data:; "
    "media-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    # Together these let the page share memory between threads.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class SiteServer(ThreadingTCPServer):
    """Answers GET and HEAD for the files of a site, each request in a thread.

    Args:
        host: the address to listen at.
        port: 0 for any that is free.

    Attributes:
        site: what is served; empty until it is set, so that the port can be taken before the
            filters are converted.

    Raises:
        ConfigError: If the address cannot be listened at.
    """

    daemon_threads = True
    allow_reuse_address = os.name != "nt"  # there, it would let two programs take the same port

    def __init__(self, host: str = "127.0.0.1", port: int = 8000) -> None:
        self.site: Site = {}
        self.host = host
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            self.address_family = found[0]
            super().__init__(found[4], _Handler)  # type: ignore[arg-type]
        except OSError as error:
            raise ConfigError(_why_not(host, port, error)) from error
        except OverflowError as error:
            raise ConfigError(f"port is {port}; expected 0 to 65535.") from error

    @property
    def url(self) -> str:
        """Where a browser on this machine finds the page."""
        host = self.host
        with contextlib.suppress(ValueError):
            if ip_address(host).is_unspecified:
                host = "127.0.0.1"  # all addresses of this machine: any will do
        # Only there do browsers trust a page without HTTPS with the camera.
        host = "localhost" if host in ("127.0.0.1", "::1") else host
        host = f"[{host}]" if ":" in host else host
        return f"http://{host}:{self.server_address[1]}/"

    @property
    def is_private(self) -> bool:
        """Whether no other machine can reach it."""
        return ip_address(str(self.server_address[0])).is_loopback

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep silent about browsers that hang up, which they do whenever a page is reloaded."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: SiteServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "fast_nst", ""
    timeout = 60  # s, after which a connection that says nothing is closed

    def do_GET(self) -> None:
        self._answer(lambda source: shutil.copyfileobj(source, self.wfile))

    def do_HEAD(self) -> None:
        self._answer(lambda _: None)

    def _answer(self, send: Callable[[BinaryIO], None]) -> None:
        # A table of names, not a path on the disk: "..", links and encodings lead nowhere.
        try:
            name = unquote(urlsplit(self.path).path, errors="strict").removeprefix("/")
        except ValueError:
            name = "\0"
        content = self.server.site.get(name or "index.html")
        try:
            source, size, tag = _open(content)
        except FileNotFoundError:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        with source:
            known = self.headers.get("If-None-Match", "")
            fresh = tag in (each.strip().removeprefix("W/") for each in known.split(","))
            self.send_response(HTTPStatus.NOT_MODIFIED if fresh else HTTPStatus.OK)
            self.send_header("ETag", tag)
            # Asked again each time: the next start may serve other filters at the same address.
            self.send_header("Cache-Control", "no-cache")
            if not fresh:
                suffix = PurePosixPath(name or "index.html").suffix.lower()
                self.send_header("Content-Type", TYPES.get(suffix, "application/octet-stream"))
                self.send_header("Content-Length", str(size))
            self.end_headers()
            if not fresh:
                send(source)

    def end_headers(self) -> None:
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing of requests: the page is made of dozens of them."""


def _open(content: Path | bytes | None) -> tuple[BinaryIO, int, str]:
    """Something to read from, its size, and a tag that changes with it."""
    if content is None:
        raise FileNotFoundError
    if isinstance(content, bytes):
        return io.BytesIO(content), len(content), f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    source = content.open("rb")
    status = os.fstat(source.fileno())
    return source, status.st_size, f'"{status.st_mtime_ns:x}-{status.st_size:x}"'


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is in use. Use --port 0 for a free one, or another number."
    if error.errno == errno.EACCES:
        return f"port {port} of {host} may not be used by you. Use --port 8000, or another >= 1024."
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return f"{host!r} is no address of this machine ({error.strerror}). Use --host 127.0.0.1."
    return f"cannot listen at port {port} of {host} ({error.strerror}). Use another --port."
