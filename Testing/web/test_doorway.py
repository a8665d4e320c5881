"""Who may come in. Plain requests, no browser."""

import asyncio
import socket
from urllib.parse import urlsplit

import aiohttp
import pytest


def fetch(served, path: str, method: str = "GET", **kwargs) -> tuple[int, str]:
    async def ask():
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, served.origin + path, **kwargs) as answer,
        ):
            return answer.status, await answer.text()

    return asyncio.run(ask())


@pytest.mark.parametrize(
    "path", ["/", "/index.html", "/own/page.css", "/presence", "/index.html?token=wrong", "/download/1/x"]
)
def test_nothing_is_served_without_the_token(served, path):
    status, text = fetch(served, path)
    assert (status, text.startswith("Open the whole address")) == (403, True)


def test_the_websocket_is_closed_to_those_without_the_token(served):
    async def connect():
        async with aiohttp.ClientSession() as session, session.ws_connect(served.origin + "/ws"):
            pass

    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        asyncio.run(connect())
    assert refusal.value.status == 403


@pytest.mark.parametrize("headers", [{"Origin": "http://127.0.0.1:1"}, {"Host": "elsewhere.example"}])
def test_a_page_of_another_origin_has_no_way_in_even_with_the_token(served, headers):
    assert fetch(served, "/?" + urlsplit(served.address).query, headers=headers, allow_redirects=False)[0] == 403


def test_the_token_becomes_a_cookie_that_scripts_cannot_read(served):
    async def enter():
        address = served.address
        async with aiohttp.ClientSession() as session, session.get(address, allow_redirects=False) as answer:
            return answer.status, answer.headers["Location"], answer.headers["Set-Cookie"]

    status, location, cookie = asyncio.run(enter())
    assert (status, location) == (302, "/index.html")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_it_listens_on_this_machine_alone(served):
    port = urlsplit(served.origin).port
    others = {each[4][0] for each in socket.getaddrinfo(socket.gethostname(), port, socket.AF_INET)} - {"127.0.0.1"}
    for address in others:
        with pytest.raises(ConnectionRefusedError), socket.create_connection((address, port), timeout=2):
            pass


def test_a_file_cannot_be_dropped_outside_of_its_folder(served):
    async def put():
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            async with session.get(served.address):
                pass
            async with session.put(served.origin + "/drop/1/%2e%2e%2f%2e%2e%2fstray", data=b"x") as answer:
                return answer.status

    assert asyncio.run(put()) in (400, 404)
