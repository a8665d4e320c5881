"""Who may come in: one browser at a time, and only one that knows the token.

The printed address carries the token once; the browser gets a cookie for it, so that the token leaves the address bar.
Page, files and websocket ask for the cookie. A page of another origin, also one on this machine, has no way in: Host
and Origin must be ours.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets

from aiohttp import web

LEAVING = 3.0  # seconds that a tab which is being closed or reloaded may take
# Nothing outside this process is loaded by the page. Vue compiles its templates in the browser: 'unsafe-eval'.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; form-action 'none'"
)
FORBIDDEN = "Open the whole address that LungTumorSeg printed: it ends with the token."


class Doorway:
    """Stands before every request of an aiohttp application.

    Parameters
    ----------
    socket : path of the websocket.
    """

    def __init__(self, socket: str = "/ws"):
        self.token = secrets.token_urlsafe(24)
        self._socket = socket
        self._key = secrets.token_urlsafe(24)  # what the cookie holds: worth nothing in an address
        self._inside: asyncio.Task | None = None
        self._left = asyncio.Event()

    def stand_before(self, app: web.Application) -> None:
        """Call before the application runs."""
        app.middlewares.append(self._ask)
        app.router.add_get("/presence", self._presence)
        app.router.add_post("/presence", self._take_over)

    @property
    def taken(self) -> bool:
        """A browser is connected."""
        return self._inside is not None

    @web.middleware
    async def _ask(self, request: web.Request, handler):
        port = request.transport.get_extra_info("sockname")[1]
        cookie = f"lungtumorseg-{port}"  # cookies know no ports: another process's must not be overwritten
        ours = {f"127.0.0.1:{port}", f"localhost:{port}"}
        if request.host not in ours:
            return web.Response(status=403, text=FORBIDDEN)
        if request.headers.get("Origin", f"http://{request.host}") != f"http://{request.host}":
            return web.Response(status=403, text=FORBIDDEN)
        token = request.query.get("token")
        if request.path in ("/", "/index.html") and token is not None and _same(token, self.token):
            welcome = web.HTTPFound("/index.html")
            welcome.set_cookie(cookie, self._key, httponly=True, samesite="Lax")
            raise welcome
        if not _same(request.cookies.get(cookie, ""), self._key):
            return web.Response(status=403, text=FORBIDDEN)
        if request.path == self._socket:
            return await self._let_one_in(request, handler)
        response = await handler(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    async def _let_one_in(self, request: web.Request, handler):
        try:
            await asyncio.wait_for(self._free(), LEAVING)
        except TimeoutError:
            return web.Response(status=409, text="LungTumorSeg is open in another browser or tab.")
        self._inside = asyncio.current_task()
        self._left.clear()
        try:
            return await handler(request)
        finally:
            self._inside = None
            self._left.set()

    async def _free(self) -> None:
        while self._inside is not None:
            await self._left.wait()

    async def _presence(self, _request: web.Request) -> web.Response:
        return web.json_response({"taken": self.taken})

    async def _take_over(self, _request: web.Request) -> web.Response:
        """The user wants it here: whoever is inside is asked to leave."""
        if self._inside is not None:
            self._inside.cancel()
            await asyncio.wait_for(self._free(), LEAVING)
        return web.json_response({"taken": False})


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(errors="surrogateescape"), wanted.encode())
