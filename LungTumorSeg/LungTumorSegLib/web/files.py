"""Files between the browser and this process: what is dropped on the page, what is downloaded.

They travel as plain HTTP streams, for a CT of hundreds of MB is too large for a message. They lie in a private folder
that goes with the process, or, where that was killed, with the next one.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path, PurePosixPath

from aiohttp import web

from LungTumorSegLib.worker.private_folder import PrivateFolder

CHUNK = 1 << 20
MOST_BYTES = 16 << 30  # of one drop, all its files together
MOST_OFFERED = 20  # files for download that are kept; a saved scene holds the whole CT


class Files:
    """
    Parameters
    ----------
    opened : called with the folder in which all files of one drop lie
    """

    def __init__(self, opened: Callable[[Path], Awaitable[None]]):
        self._private = PrivateFolder("lungtumorseg-app-")
        self._folder = self._private.path
        self._opened = opened
        self._received: dict[Path, int] = {}  # bytes of the drops that are under way
        self._offered: dict[str, Path] = {}
        self._numbers = count(1)

    def serve(self, app: web.Application) -> None:
        """Call before the application runs."""
        app.router.add_put(r"/drop/{drop:\d+}/{name:.+}", self._take)
        app.router.add_post(r"/drop/{drop:\d+}", self._taken)
        app.router.add_get(r"/download/{number:\d+}/{name}", self._give)

    def new_folder(self, name: str) -> Path:
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self._folder))

    def offer(self, file: Path, name: str) -> str:
        """Address (relative) from which the browser may download the file under this name, until many others were."""
        number = str(next(self._numbers))
        self._offered[number] = file
        while len(self._offered) > MOST_OFFERED:
            self.forget(self._offered.pop(next(iter(self._offered))))
        return f"download/{number}/{name}"

    def forget(self, path: Path) -> None:
        """Remove the drop that this is, or lies in: nobody reads it again. Files of the user's own stay."""
        if self._folder in path.parents:
            shutil.rmtree(self._folder / path.relative_to(self._folder).parts[0], ignore_errors=True)

    def close(self) -> None:
        self._private.close()

    async def _take(self, request: web.Request) -> web.Response:
        drop = self._drop(request)
        parts = PurePosixPath(request.match_info["name"]).parts
        if any(part in ("..", "/") or "\\" in part or "\0" in part for part in parts):
            raise web.HTTPBadRequest(text="not a file name")
        try:
            await self._receive(request, drop, drop.joinpath(*parts))
        except BaseException as fault:  # whatever it is, the page sends no more of a drop that failed
            self.forget(drop)
            self._received.pop(drop, None)
            if isinstance(fault, OSError):  # ConnectionError among them: the browser went
                why = fault.strerror or "the connection was lost"
                raise web.HTTPInsufficientStorage(text=f"{why}.") from None
            raise
        return web.Response(status=201)

    async def _receive(self, request: web.Request, drop: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            async for chunk in request.content.iter_chunked(CHUNK):
                size = self._received[drop] = self._received.get(drop, 0) + len(chunk)
                if size > MOST_BYTES:
                    text = f"they are larger than {MOST_BYTES >> 30} GB together."
                    raise web.HTTPRequestEntityTooLarge(max_size=MOST_BYTES, actual_size=size, text=text)
                file.write(chunk)

    async def _taken(self, request: web.Request) -> web.Response:
        drop = self._drop(request)
        self._received.pop(drop, None)
        await self._opened(drop)
        return web.Response(status=204)

    def _drop(self, request: web.Request) -> Path:
        return self._folder / f"drop-{request.match_info['drop']}"

    async def _give(self, request: web.Request) -> web.StreamResponse:
        file = self._offered.get(request.match_info["number"])
        if file is None or not file.exists():
            raise web.HTTPNotFound(text="This file is no longer offered: export it again.")
        return web.FileResponse(file, headers={"Content-Disposition": "attachment"})
