from __future__ import annotations

import http.client
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fast_nst.apps.web.server import POLICY, SiteServer
from fast_nst.apps.web.site import page_files
from fast_nst.errors import ConfigError


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """A folder as `make web` makes it, and a secret beside it that a link leads to."""
    (tmp_path / "secret.txt").write_text("secret")
    folder = tmp_path / "web"
    (folder / "runtime").mkdir(parents=True)
    (folder / "index.html").write_text("<title>page</title>")
    (folder / "runtime" / "ort.mjs").write_text("export {}")
    (folder / "runtime" / "ort.wasm").write_bytes(b"\0asm" + bytes(300_000))
    (folder / "app.webmanifest").write_text("{}")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "out").symlink_to(tmp_path)
    (folder / "same.html").symlink_to(folder / "index.html")
    return folder


@pytest.fixture
def server(build: Path) -> Iterator[SiteServer]:
    with SiteServer(port=0) as server:
        server.site = page_files(build) | {"filters/a.onnx": b"model"}
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(
    server: SiteServer, target: str, method: str = "GET", headers: dict[str, str] | None = None
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=60)
    connection.request(method, target, headers=headers or {})
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response, body


def ask_raw(server: SiteServer, request: bytes) -> bytes:
    """What comes back for bytes that no HTTP library would send."""
    with socket.create_connection(("127.0.0.1", server.server_address[1]), timeout=60) as channel:
        channel.sendall(request)
        return b"".join(iter(lambda: channel.recv(65536), b""))


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/index.html?x=1", "text/html; charset=utf-8"),
        ("/runtime/ort.mjs", "text/javascript; charset=utf-8"),
        ("/runtime/ort.wasm", "application/wasm"),
        ("/app.webmanifest", "application/manifest+json"),
        ("/filters/a.onnx", "application/octet-stream"),
    ],
)
def test_files_come_with_their_types(server: SiteServer, target: str, kind: str) -> None:
    response, body = ask(server, target)
    assert response.status == 200
    assert response.headers["Content-Type"] == kind
    assert int(response.headers["Content-Length"]) == len(body) > 0


@pytest.mark.parametrize("target", ["/", "/nothing"])
def test_every_answer_carries_the_headers_that_isolate_the_page(
    server: SiteServer, target: str
) -> None:
    headers = ask(server, target)[0].headers
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert "unsafe-inline" not in POLICY
    assert "'unsafe-eval'" not in POLICY


@pytest.mark.parametrize(
    "target",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/runtime/../../secret.txt",
        "/runtime/%2e%2e%2f%2e%2e%2fsecret.txt",
        "/..%5csecret.txt",
        "/%252e%252e/secret.txt",
        "/link.txt",
        "/out/secret.txt",
        "/etc/passwd",
        "//etc/passwd",
        "/%2fetc%2fpasswd",
        "/%00",
        "/%ff",
        "/runtime",
        "/runtime/",
        "/filters/",
    ],
)
def test_nothing_else_can_be_had(server: SiteServer, target: str) -> None:
    request = f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
    answer = ask_raw(server, request)
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"secret" not in answer.split(b"\r\n\r\n", 1)[1]
    assert b"root:" not in answer


def test_a_file_named_by_its_place_on_the_disk_is_not_served(
    server: SiteServer, build: Path
) -> None:
    for target in (str(build / "index.html"), f"file://{build}/index.html"):
        request = f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        assert ask_raw(server, request.encode()).startswith(b"HTTP/1.1 404 ")


def test_a_link_within_the_folder_is_a_file_of_it(server: SiteServer) -> None:
    assert ask(server, "/same.html")[1] == b"<title>page</title>"


def test_head_tells_the_size_and_sends_nothing(server: SiteServer) -> None:
    response, body = ask(server, "/runtime/ort.wasm", "HEAD")
    assert response.status == 200
    assert response.headers["Content-Length"] == "300004"
    assert body == b""


@pytest.mark.parametrize("target", ["/runtime/ort.wasm", "/filters/a.onnx"])
def test_what_the_browser_has_is_not_sent_again_until_it_changes(
    server: SiteServer, target: str
) -> None:
    tag = ask(server, target)[0].headers["ETag"]
    response, body = ask(server, target, headers={"If-None-Match": f'"other", W/{tag}'})
    assert (response.status, body) == (304, b"")
    name = target[1:]
    content = server.site[name]
    if isinstance(content, Path):
        content.write_bytes(b"new")
    else:
        server.site[name] = b"new"
    response, body = ask(server, target, headers={"If-None-Match": tag})
    assert (response.status, body) == (200, b"new")


def test_a_file_that_vanished_is_not_found(server: SiteServer, build: Path) -> None:
    (build / "app.webmanifest").unlink()
    assert ask(server, "/app.webmanifest")[0].status == 404


def test_nothing_can_be_sent_to_it(server: SiteServer) -> None:
    for method in ("POST", "PUT", "DELETE"):
        assert ask(server, "/", method)[0].status == 501


def test_requests_do_not_wait_for_each_other(server: SiteServer) -> None:
    """A browser keeps connections open; one that is silent must not hold up the others."""
    address = ("127.0.0.1", server.server_address[1])
    with socket.create_connection(address), socket.create_connection(address) as half:
        half.sendall(b"GET / HTTP/1.1\r\nHo")
        assert ask(server, "/")[0].status == 200


def test_one_connection_serves_many_requests(server: SiteServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=60)
    for target, status in (("/", 200), ("/no", 404), ("/filters/a.onnx", 200)):
        connection.request("GET", target)
        response = connection.getresponse()
        response.read()
        assert response.status == status
    connection.close()


def test_a_browser_that_hangs_up_is_no_error(
    server: SiteServer, capsys: pytest.CaptureFixture[str]
) -> None:
    channel = socket.create_connection(("127.0.0.1", server.server_address[1]))
    channel.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # reset, not close
    channel.sendall(b"GET /runtime/ort.wasm HTTP/1.1\r\nHost: x\r\n\r\n")
    channel.close()
    assert ask(server, "/")[0].status == 200
    assert capsys.readouterr().err == ""


def test_a_port_in_use_is_said_with_the_next_step() -> None:
    with SiteServer(port=0) as first:
        port = first.server_address[1]
        with pytest.raises(ConfigError, match=rf"port {port} .* is in use\. Use --port 0"):
            SiteServer(port=port)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"no address of this machine.*--host 127\.0\.0\.1"):
        SiteServer("203.0.113.7", 0)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may use every port")
def test_a_port_of_the_system_is_refused() -> None:
    with pytest.raises(ConfigError, match="--port 8000"):
        SiteServer(port=80)


@pytest.mark.parametrize(("host", "private"), [("127.0.0.1", True), ("0.0.0.0", False)])
def test_it_knows_who_can_reach_it(host: str, private: bool) -> None:
    with SiteServer(host, 0) as server:
        assert server.is_private is private
        # Browsers give the camera to a page without HTTPS if its address is this.
        assert server.url == f"http://localhost:{server.server_address[1]}/"
