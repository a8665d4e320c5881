"""The page's server: on this machine only, on a free port, behind the doorway."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from aiohttp import web
from trame.app import get_server
from trame_client.module import vue3

from LungTumorSegLib.web.doorway import Doorway

HOST = "127.0.0.1"
OURS = Path(__file__).parent / "serve"
TITLE = "LungTumorSeg"


def make_server():
    """trame's server of this process."""
    # trame would read this program's own arguments, and wslink would greet on stdout.
    os.environ["TRAME_ARGS"] = "--server"
    os.environ["WSLINK_READY_MSG"] = ""
    server = get_server(TITLE, client_type="vue3")
    server.enable_module({"serve": {"own": str(OURS)}, "styles": [], "scripts": []})
    server.state.trame__title = TITLE
    server.state.trame__favicon = "own/icon.svg"
    return server


def front_page() -> str:
    """trame's page with our name, icon, style and scripts: before its own ones, as they watch its connection."""
    page = (Path(vue3.www) / "index.html").read_text(encoding="utf-8")
    for old, new in (
        ("<title>trame is built by Kitware</title>", f"<title>{TITLE}</title>"),
        ('<link rel="icon" href="logo.png" />', '<link rel="icon" href="own/icon.svg" type="image/svg+xml" />'),
        ("<head>", '<head><meta name="color-scheme" content="dark" />'),
        (
            '<script src="vue.global.js"></script>',
            '<link rel="stylesheet" href="own/page.css" /><script src="own/presence.js"></script>'
            '<script src="own/files.js"></script><script src="own/keys.js"></script>'
            '<script src="own/pictures.js"></script>'
            '<script src="vue.global.js"></script>',
        ),
    ):
        if old not in page:
            raise RuntimeError(f"trame's page has changed: {old} is not in it")
        page = page.replace(old, new, 1)
    return page


def serve(server, doorway: Doorway, routes: Callable[[web.Application], None], ready: Callable[[str], None], port=0):
    """Serve until the process is told to end (Ctrl-C, SIGTERM).

    routes : adds further routes to the aiohttp application
    ready : called with the whole address, token included, once it can be opened
    """
    page = front_page()

    async def index(_request: web.Request) -> web.Response:
        return web.Response(text=page, content_type="text/html")

    async def session(request: web.Request) -> web.Response:
        return web.json_response({"sessionURL": f"ws://{request.host}/ws"})

    def bind(wslink) -> None:
        doorway.stand_before(wslink.app)
        routes(wslink.app)
        wslink.app.router.add_get("/index.html", index)
        wslink.app.router.add_post("/paraview/", session)  # trame's page asks there for its websocket's address

    server.controller.on_server_bind.add(bind)
    server.controller.on_server_ready.add(lambda **_: ready(f"http://{HOST}:{server.port}/?token={doorway.token}"))
    server.start(port=port, host=HOST, timeout=0, open_browser=False, show_connection_info=False, disable_logging=True)
