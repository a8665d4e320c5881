"""Who may come in, and that nothing goes out."""

import asyncio
import contextlib
import os
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest


def run(work):
    """In a thread of its own: in this one Playwright's loop may run."""
    with ThreadPoolExecutor(1) as other:
        return other.submit(asyncio.run, work).result()


def fetch(served, path: str, method: str = "GET", **kwargs) -> tuple[int, str]:
    async def ask():
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, served.origin + path, **kwargs) as answer,
        ):
            return answer.status, await answer.text()

    return run(ask())


async def inside(served) -> aiohttp.ClientSession:
    """One that has come in by the token, and holds the cookie."""
    session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
    async with session.get(served.address) as answer:
        assert answer.status == 200
    return session


@pytest.mark.parametrize("path", ["/", "/index.html?token=wrong", "/index.html?token=", "/favicon.ico", "/nowhere"])
def test_nothing_is_served_without_the_token(served, path):
    status, text = fetch(served, path)
    assert (status, text.startswith("Open the whole address")) == (403, True)


def test_not_one_of_all_paths_is_open_without_the_token(served):
    routes = served.ask("routes")
    assert {"/ws", "/index.html", "/presence", "/own"} <= {path for _, path in routes}
    for method, path in routes:
        filled = re.sub(r"\{[^}]*\}", "1", path)
        status, _ = fetch(served, filled, "GET" if method == "*" else method)
        assert status == 403, (method, path)


STRANGERS = ({"Origin": "http://127.0.0.1:1"}, {"Origin": "null"}, {"Origin": "https://elsewhere.example"},
             {"Host": "elsewhere.example"})  # fmt: skip


@pytest.mark.parametrize("headers", [{}, *STRANGERS], ids=str)
def test_the_websocket_is_closed_to_those_without_the_cookie_and_to_strangers_with_it(served, headers):
    async def connect():
        session = await inside(served) if headers else aiohttp.ClientSession()
        async with session, session.ws_connect(served.origin + "/ws", headers=headers):
            pass

    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        run(connect())
    assert refusal.value.status == 403


@pytest.mark.parametrize("headers", STRANGERS, ids=str)
def test_a_page_of_another_origin_has_no_way_in_even_with_the_token(served, headers):
    assert fetch(served, "/?" + urlsplit(served.address).query, headers=headers, allow_redirects=False)[0] == 403

    async def take_over():
        async with (
            await inside(served) as session,
            session.post(served.origin + "/presence", headers=headers) as answer,
        ):
            return answer.status

    assert run(take_over()) == 403


def test_a_page_of_another_port_in_the_same_browser_has_no_way_in(page, served):
    """Cookies know no ports: the browser sends ours along, and the origin alone tells them apart."""
    stranger = page.context.new_page()
    stranger.route("http://127.0.0.1:9/", lambda route: route.fulfill(body="<html></html>", content_type="text/html"))
    stranger.goto("http://127.0.0.1:9/")
    ended = stranger.evaluate(
        """address => new Promise(done => {
          const socket = new WebSocket(address);
          socket.onopen = () => done("open");
          socket.onerror = () => done("closed");
        })""",
        served.origin.replace("http", "ws") + "/ws",
    )
    read = stranger.evaluate(
        "address => fetch(address, {credentials: 'include'}).then(() => 'read', () => 'closed')",
        served.origin + "/index.html",
    )
    stranger.close()
    assert (ended, read) == ("closed", "closed")
    assert page.locator(".lts-veil").count() == 0


def test_the_page_may_ask_nobody_else_and_its_icon_is_its_own(served):
    async def enter():
        async with await inside(served) as session:
            async with session.get(served.origin + "/index.html") as answer:
                policy, page = answer.headers["Content-Security-Policy"], await answer.text()
            async with session.get(served.origin + "/own/icon.svg") as icon:
                return policy, page, icon.status, icon.content_type

    policy, page, status, kind = run(enter())
    assert "default-src 'self'" in policy
    assert "connect-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert 'rel="icon" href="own/icon.svg"' in page
    assert (status, kind) == (200, "image/svg+xml")
    assert not re.findall(r"(?:src|href)=\"(?:https?:)?//", page)


def test_the_token_becomes_a_cookie_that_scripts_cannot_read(served):
    async def enter():
        address = served.address
        async with aiohttp.ClientSession() as session, session.get(address, allow_redirects=False) as answer:
            return answer.status, answer.headers["Location"], answer.headers["Set-Cookie"]

    status, location, cookie = run(enter())
    assert (status, location) == (302, "/index.html")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_it_listens_on_this_machine_alone(served):
    port = urlsplit(served.origin).port
    others = {each[4][0] for each in socket.getaddrinfo(socket.gethostname(), port, socket.AF_INET)} - {"127.0.0.1"}
    for address in others:
        with pytest.raises(ConnectionRefusedError), socket.create_connection((address, port), timeout=2):
            pass


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="sockets are looked up in /proc")
def test_after_segment_no_socket_of_it_or_its_worker_leads_off_this_machine(segmented, served):
    found = sockets(served.process.pid)
    for child in served.children():
        found += sockets(child)
    assert any(remote != "00000000:0000" for _, remote in found)  # the browser's
    for local, remote in found:
        assert local.startswith(LOOPBACK)
        assert remote.startswith((*LOOPBACK, "00000000:0000"))


LOOPBACK = "0100007F:", "0000000000000000FFFF00000100007F:"  # 127.0.0.1, also as IPv6


def sockets(process: int) -> list[tuple[str, str]]:
    """Address and port, hexadecimal, at both ends of what a process holds."""
    own = set()
    for handle in Path(f"/proc/{process}/fd").iterdir():
        with contextlib.suppress(OSError):
            own.add(os.readlink(handle))
    found = []
    for kind in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/{process}/net/{kind}").read_text().splitlines()[1:]:
            cells = line.split()
            if f"socket:[{cells[9]}]" in own:
                found.append((cells[1], cells[2]))
    return found


def test_a_file_cannot_be_dropped_outside_of_its_folder(served):
    async def put():
        address = served.origin + "/drop/1/%2e%2e%2f%2e%2e%2fstray"
        async with await inside(served) as session, session.put(address, data=b"x") as answer:
            return answer.status

    assert run(put()) in (400, 404)
