"""What a desk asks of the worker: by which models, about which CT; loaded ahead of the first click."""

from __future__ import annotations

from collections.abc import Callable

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.measurement.steps import Steps
from LungTumorSegLib.scene.prompts import Prompt
from LungTumorSegLib.scene.volumes import SceneVolumes
from LungTumorSegLib.volume.geometry import Volume
from LungTumorSegLib.worker.conversation import Answer, Conversation, Failure, Request, Transport
from LungTumorSegLib.workstation import words
from LungTumorSegLib.workstation.case_images import CaseImages
from LungTumorSegLib.workstation.errands import Errands
from LungTumorSegLib.workstation.host import Host

Done = Callable[[Answer], Steps[None]]


class Asking:
    """
    Parameters
    ----------
    process, inline : see `Desk`
    chosen : gives the CT that is chosen now; an answer for another one is not shown
    images : of the case, for an automatic model that reads several

    Attributes
    ----------
    automatic, prompted : the models, by name or folder; None where there is none
    fingerprints : of the models' weights, by model, as far as the worker has read them
    """

    def __init__(self, process: Transport, inline: bool, host: Host, chosen: Callable[[], object], images: CaseImages):
        self.automatic: str | None = None
        self.prompted: str | None = None
        self.fingerprints: dict[str, str | None] = {}
        self._host, self._chosen, self._images = host, chosen, images
        self._conversation = Conversation(process, inline)
        self._errands = Errands(self._conversation, host, lambda: getattr(process, "last_words", ""))
        self._volumes: dict[str | None, SceneVolumes] = {}  # of one case, by the node's ID
        self._of = None  # the CT that these belong to
        self._started = False

    @property
    def under_way(self) -> bool:
        return self._errands.under_way

    def choose(self, automatic: str | None, prompted: str | None) -> None:
        self.automatic, self.prompted = automatic, prompted
        self._load()

    def start(self) -> None:
        """Have the worker and the models ready before the first click."""
        self._started = True
        self._conversation.start()
        self._load()

    def restart(self, inline: bool) -> None:
        """Another worker from now on."""
        self._conversation.restart(inline)
        self.fingerprints.clear()
        if self._started:
            self.start()

    def segment(self, done: Done) -> Request | None:
        """Every lesion of the chosen CT; None where it or another image of the case cannot be read, which is told."""
        model = self.automatic

        def ask(volume, *others, **told):
            return self._conversation.segment(volume, model, others=others, **told)

        return self._ask(ask, done, self._images.to_send)

    def explain(self, lesion, done: Done) -> Request | None:
        """Heat of all lesions, or of one: (start, mask)."""
        model = self.automatic

        def ask(volume, *others, **told):
            return self._conversation.explain(volume, model, lesion=lesion, others=others, **told)

        return self._ask(ask, done, self._images.to_send)

    def prompt(
        self, prompt: Prompt, done: Done, wanted: Callable[[], bool], not_done: Callable[[Failure | None], None]
    ) -> Request | None:
        """One lesion; `wanted` and `not_done` as of `Errands.send`."""
        model = self.prompted

        def ask(volume, **told):
            return self._conversation.prompt(volume, model, prompt.inside, prompt.outside, box=prompt.box, **told)

        return self._ask(ask, done, lambda: [self._chosen()], wanted, not_done)

    def cancel(self) -> None:
        self._errands.cancel()

    def drop(self) -> None:
        """What still comes is not wanted any more."""
        self._errands.drop()

    def forget(self) -> None:
        """Let go of the voxels: the scene is closing."""
        self.drop()
        self._volumes.clear()
        self._of = None

    def tick(self) -> None:
        self._conversation.tick()
        self._errands.tick()

    def settle(self) -> None:
        """Show what the worker answered, now."""
        self._errands.settle()

    def close(self) -> None:
        self.drop()
        self._conversation.close()

    def _load(self) -> None:
        for name in dict.fromkeys((self.automatic, self.prompted)):
            if self._started and name is not None and name not in self.fingerprints:
                self._conversation.load(name, on_done=lambda answer, name=name: self._loaded(name, answer))

    def _loaded(self, name: str, answer: Answer) -> None:
        self.fingerprints[name] = answer.meta.get("fingerprint")

    def _ask(
        self,
        ask: Callable[..., Request],
        done: Done,
        images: Callable[[], list],
        wanted: Callable[[], bool] = lambda: True,
        not_done: Callable[[Failure | None], None] = lambda failure: None,
    ) -> Request | None:
        ct = self._chosen()
        if ct is not self._of:
            self._volumes.clear()
            self._of = ct
        try:
            volumes = [self._volume(node) for node in images()]
        except InputRefused as error:
            self._host.failed(str(error))
            return None

        def still_wanted() -> bool:
            if self._chosen() is not ct:
                self._host.said(words.no_longer_chosen())
            return self._chosen() is ct and wanted()

        return self._errands.send(lambda **told: ask(*volumes, **told), done, still_wanted, not_done)

    def _volume(self, node) -> Volume:
        return self._volumes.setdefault(node and node.GetID(), SceneVolumes()).volume(node)
