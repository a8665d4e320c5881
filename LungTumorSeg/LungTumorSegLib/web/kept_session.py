"""The session that is kept: saved while the user rests, offered at the next start."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from trame_server.utils.typed_state import TypedState

from LungTumorSegLib.scene import ownership
from LungTumorSegLib.scene.work import nodes_with_work, work_in
from LungTumorSegLib.web.autosave import Autosave
from LungTumorSegLib.web.host import PageHost
from LungTumorSegLib.web.scans import Scans
from LungTumorSegLib.web.state import PageState
from LungTumorSegLib.web.switches import Switches
from LungTumorSegLib.workstation.desk import Cut, Desk

log = logging.getLogger(__name__)

REST = 5.0  # s without a change after which the session is saved


class KeptSession:
    """
    Parameters
    ----------
    folder : where it is kept
    """

    def __init__(self, server, desk: Desk, scans: Scans, switches: Switches, host: PageHost, folder: Path):
        self._desk, self._scans, self._switches, self._host = desk, scans, switches, host
        self._page = TypedState(server.state, PageState)
        self._autosave = Autosave(desk.scene, folder)
        self._saved, self._seen, self._rested = None, None, 0.0
        self._saving: tuple[tuple, Iterator[None]] | None = None  # what, and the steps of it
        self._told = ""  # why the last save failed
        if self._autosave.why_not:
            host.failed(f"What you do is not kept for the next start: {self._autosave.why_not}.")
        offered = self._offered()
        if offered is not None:
            ct, _cut, saved = offered
            self._page.data.offer = f"Your last work was kept: {ct}, saved {saved}."

    def continue_(self) -> None:
        """The user takes up what the last process left."""
        offered = self._offered()
        self._page.data.offer = ""
        if offered is None or not self._autosave.continue_():
            self._host.failed("The last session could not be read.")
            return
        ct, cut, _saved = offered
        self._switches.set_cut(cut)
        self._scans.choose_named(ct)
        self._host.said("You are where you left.")

    def discard(self) -> None:
        """The user wants nothing of it."""
        self._page.data.offer = ""
        self._autosave.discard()

    def tick(self, seconds: float) -> None:
        """A step of saving, when the user rests; so many seconds after the last."""
        if self._saving is not None:
            self._save_on()
        elif not (self._page.data.working or self._desk.unsettled or self._switches.moving):
            work = self._work
            self._rested = self._rested + seconds if work == self._seen else 0.0
            self._seen = work
            if work is not None and work != self._saved and self._rested > REST:
                self._saving = work, self._autosave.save(self._facts)

    def close(self) -> None:
        """Save what is not saved yet, all of what is half saved: the user goes."""
        work, self._saving = self._work, None
        if work is not None and work != self._saved:
            try:
                for _ in self._autosave.save(self._facts):
                    time.sleep(0.01)  # a thread writes
            except Exception as fault:  # what else is to be closed must be
                log.warning("the session was not saved: %s", _why(fault), exc_info=not isinstance(fault, OSError))
        self._autosave.close()

    def _save_on(self) -> None:
        work, steps = self._saving
        try:
            if next(steps, self) is self:
                self._saving, self._saved, self._told = None, work, ""
        except Exception as fault:  # the steps end with it: asked again, they would seem to have come to their end
            self._saving, self._rested, why = None, 0.0, _why(fault)  # the next rest tries again
            if not isinstance(fault, OSError):
                log.exception("the session could not be saved")
            if why != self._told:
                self._told = why
                self._host.failed(
                    f"Your work could not be kept for the next start: {why}. Free some space; "
                    "what you see can still be exported."
                )

    def _offered(self) -> tuple[str, Cut, str] | None:
        """Name of the CT, where the sliders stood, when it was saved."""
        facts = self._autosave.offered()
        try:
            return (str(facts["ct"]), Cut(**facts["cut"]), str(facts["saved"])) if facts else None
        except (KeyError, TypeError):  # written by another version, or damaged
            return None

    @property
    def _work(self) -> tuple | None:
        """Something that differs when there is more to keep, of whatever CT; None where there is nothing."""
        desk, work = self._desk, work_in(self._desk.scene)
        return (desk.ct and desk.ct.GetID(), desk.cut, work) if work else None

    @property
    def _facts(self) -> dict:
        desk = self._desk
        ct = desk.ct or nodes_with_work(desk.scene)[0].GetNodeReference(ownership.CT)
        return {"ct": ct.GetName(), "lesions": len(desk.lesions), "cut": asdict(desk.cut)}


def _why(fault: Exception) -> str:
    return getattr(fault, "strerror", None) or str(fault) or type(fault).__name__
