"""What the worker keeps between requests: models made ready, and where the lungs are."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.inference import prompt
from LungTumorSegLib.inference.candidates import candidates
from LungTumorSegLib.inference.channels import channels_on, refuse_channels
from LungTumorSegLib.inference.energy import EnergyMeter
from LungTumorSegLib.inference.gate import ask_gate
from LungTumorSegLib.inference.grid import to_scan
from LungTumorSegLib.inference.heat import heat_around_click, heat_in_windows
from LungTumorSegLib.inference.lungs import Lungs, find_lungs
from LungTumorSegLib.inference.marks import Marks, Point
from LungTumorSegLib.inference.memory import is_out_of_memory
from LungTumorSegLib.inference.options import Options
from LungTumorSegLib.inference.prediction import Explanation, Prediction
from LungTumorSegLib.inference.runner import Runner
from LungTumorSegLib.inference.scan import Scan
from LungTumorSegLib.inference.search import plan_search
from LungTumorSegLib.inference.second_look import near_lungs, outlined
from LungTumorSegLib.inference.stages import Stages, unheard, unstoppable
from LungTumorSegLib.networks import catalogue, counting
from LungTumorSegLib.networks import model as models
from LungTumorSegLib.networks.card import ModelCard
from LungTumorSegLib.networks.model import Model
from LungTumorSegLib.volume.box import EMPTY, Box
from LungTumorSegLib.volume.geometry import Geometry, Volume

MOST_MODELS = 4
MOST_SCANS = 16  # only where their lungs are: some hundred kilobytes each
DEFAULT = Options()

Answer = TypeVar("Answer")
Name = str | Path | Model


class Session:
    """Models and scans stay known from one request to the next. Not for several threads at once.

    A model is named as for `networks.model.load_model`, or is a `Model`. The same request gives the same bits.
    """

    def __init__(self):
        self._models: OrderedDict[tuple, Model] = OrderedDict()
        self._runners: OrderedDict[tuple, Runner] = OrderedDict()
        self._lungs: OrderedDict[str, Lungs] = OrderedDict()

    def load(self, model: Name, options: Options = DEFAULT) -> Model:
        """Make a model ready, so that the first request need not wait. `InputRefused` as by `load_model`."""
        found = self._model(model)
        self.runner(found, options)
        return found

    def runner(self, model: Model, options: Options = DEFAULT) -> Runner:
        """What runs the model's network on the device, as every request has it run."""
        return self._runner(model, device_of(options), options)

    def segment(
        self,
        volume: Volume,
        model: Name,
        options: Options = DEFAULT,
        progress: Callable[[str, float], None] = unheard,
        cancelled: Callable[[], bool] = unstoppable,
        others: Sequence[Volume] = (),
    ) -> Prediction:
        """The probability of tumour, or of the class that the options want shown, in the box around the lungs.

        progress : called with the stage and the fraction of the whole, at every batch of windows.
        cancelled : asked as often; `Cancelled` is raised when it says yes.
        others : further images of the case, on the same grid, for a model that reads several.

        Raises `InputRefused` for a prompted model, a device that is not there, or too little memory.
        """
        meter, stages = EnergyMeter(), Stages(progress, cancelled)
        chosen = self._model(model)
        card = chosen.card
        refuse_task(card)
        refuse_channels(card, volume, others)
        second = self._companion(model, card.outlined_by) if card.outlined_by else None
        scan = Scan(volume)
        with stages.stage("finding the lungs", 0.0, 0.02):
            lungs = self._lungs_of(scan)

        def attempt(runner: Runner):
            search = plan_search(card, scan.geometry, lungs.start, lungs.stop, runner.fits)
            with stages.stage("resampling", 0.04, 0.1) as step:
                image = channels_on(search.grid, scan, others, card, step)
            passed, gating, said = self._gated(chosen, scan, lungs, search.grid, runner.device, options, stages)
            with stages.stage("searching", 0.1, 0.7 if second else 0.96) as step:
                slid = search.run(image, runner, scan.geometry, lungs, card, options, step, passed)
            del image
            work = gating + slid.windows * work_of(card, search.window)
            probability = slid.logits.sigmoid_().cpu()
            if second:
                with stages.stage("looking again", 0.7, 1.0) as step:
                    found = candidates(probability.numpy(), search.grid.spacing[::-1], card.suspicion)
                    found, left_out = near_lungs(found, search.grid, lungs, scan.geometry)
                    shown, windows = outlined(
                        *(scan.voxels, scan.geometry, second.card, self._runner(second, runner.device, options)),
                        *(found, probability, search.grid, threshold_of(options, card), step),
                    )
                said = (*said, left_out) if left_out else said
                box = scan.box(shown.start, shown.values)
                work += windows * work_of(second.card, second.card.window)
            else:
                with stages.stage("mapping back", 0.96, 1.0) as step:
                    box = scan.box(*to_scan(probability, search.grid, scan.geometry, step))
            if slid.batch < runner.batch(search.window):
                said = (*said, f"memory ran short: batches of {slid.batch}")
            if len(card.classes) > 1:
                said = (*said, f"shown: {options.shown or 'all of ' + ', '.join(card.classes)}")
            return box, work, (*search.notes, *said)

        (box, work, notes), runner, fallen = self._on_a_device(chosen, options, stages, attempt)
        notes = (*((lungs.note,) if lungs.note else ()), *notes, *fallen)
        return prediction_of(box, chosen, options, runner, stages, work, meter, notes)

    def prompt(
        self,
        volume: Volume,
        model: Name,
        points_inside: Iterable[Point] = (),
        points_outside: Iterable[Point] = (),
        box: tuple[Point, Point] | None = None,
        options: Options = DEFAULT,
        progress: Callable[[str, float], None] = unheard,
        cancelled: Callable[[], bool] = unstoppable,
    ) -> Prediction:
        """The probability of the one lesion that the marks mean (see `Marks`; x, y, z, LPS mm); 0 everywhere else.

        Raises `InputRefused` for an automatic model, no point inside and no box, or a mark off the scan.
        """
        marks = Marks.of(list(points_inside), list(points_outside), box)
        meter, stages = EnergyMeter(), Stages(progress, cancelled)
        chosen = self._model(model)
        if chosen.card.task != "prompted":
            raise InputRefused(f"the model {chosen.card.name} takes no points: choose a prompted one")
        scan = Scan(volume)
        windows = 0

        def attempt(runner: Runner):
            def predict(inputs: torch.Tensor) -> torch.Tensor:
                nonlocal windows
                windows += 1
                return runner(inputs)

            with stages.stage("searching", 0.04, 1.0) as step:
                start, values, notes = prompt.find_lesion(
                    scan.voxels,
                    scan.geometry,
                    chosen.card,
                    predict,
                    marks,
                    threshold_of(options, chosen.card),
                    step,
                )
            return scan.box(start, values), notes

        (box, notes), runner, fallen = self._on_a_device(chosen, options, stages, attempt)
        work = windows * work_of(chosen.card, chosen.card.window)
        return prediction_of(box, chosen, options, runner, stages, work, meter, (*notes, *fallen))

    def explain(
        self,
        volume: Volume,
        model: Name,
        prediction: Prediction | None = None,
        options: Options = DEFAULT,
        lesion: Box | None = None,
        layer: str | None = None,
        progress: Callable[[str, float], None] = unheard,
        cancelled: Callable[[], bool] = unstoppable,
        others: Sequence[Volume] = (),
    ) -> Explanation:
        """Grad-CAM over the scan: what in it spoke for the lesion.

        lesion : mask of the lesion to be explained (values above 0). Without it, what `prediction` holds from its
            threshold up; without both, what `segment` finds. Empty where there is nothing to explain.
        layer : dotted name of a module; None = the one that the catalogue names.
        others : as for `segment`.

        A prompted model is asked anew with one click on the lesion's middle.
        Raises `InputRefused` for an unknown layer, a prompted model without a lesion, or too little memory.
        """
        chosen = self._model(model)
        card = chosen.card
        begin = 0.0
        if card.task != "prompted":
            refuse_task(card)
            refuse_channels(card, volume, others)
        if lesion is None:
            if prediction is None:
                if card.task == "prompted":
                    raise InputRefused("nothing to explain: click a lesion first")
                begin = 0.5
                prediction = self.segment(
                    volume, chosen, options, lambda s, f: progress(s, begin * f), cancelled, others
                )
            found = prediction.probability
            lesion = Box(found.start, found.values >= prediction.threshold)
        mask = lesion.values > 0
        if not mask.any():
            return Explanation(EMPTY, device_of(options).type)
        scan = Scan(volume)
        where = scan.canonical_box(lesion.start, mask)
        layer = layer or catalogue.entry(card.network).cam_layer
        stages = Stages(lambda stage, done: progress(stage, begin + (1 - begin) * done), cancelled)

        def attempt(runner: Runner) -> Box:
            # Weights that want gradients make autograd keep what every layer before the explained one puts out.
            network = copy.deepcopy(chosen.network).requires_grad_(False).to(runner.device)
            with stages.stage("explaining", 0.04, 1.0) as step:
                if card.task == "prompted":
                    return scan.box(*heat_around_click(scan, card, network, where, layer, step))
                lungs = self._lungs_of(scan)
                start = np.minimum(lungs.start, where[0])
                stop = np.maximum(lungs.stop, np.add(where[0], where[1].shape))
                search = plan_search(card, scan.geometry, tuple(start), tuple(stop), runner.fits)
                found = heat_in_windows(scan, search, card, network, where, layer, step, others, options.shown)
                return scan.box(*found)

        heat, runner, notes = self._on_a_device(chosen, options, stages, attempt)
        return Explanation(heat, runner.device.type, notes)

    def _model(self, model: Name) -> Model:
        """The model, read again only when its files have changed."""
        if isinstance(model, Model):
            return model
        folder = models.find(model)
        state = [path.lstat() for path in models.files_of(folder)]
        key = (str(folder.resolve()), *((each.st_mtime_ns, each.st_size, each.st_ino) for each in state))
        return recall(self._models, key, MOST_MODELS, lambda: models.load_model(model))

    def _companion(self, model: Name, name: str) -> Model:
        return self._model(models.find(name) if isinstance(model, Model) else models.companion(model, name))

    def _gated(
        self,
        model: Model,
        scan: Scan,
        lungs: Lungs,
        grid: Geometry,
        device: torch.device,
        options: Options,
        stages: Stages,
    ) -> tuple[np.ndarray | None, int, tuple[str, ...]]:
        """Slices of the grid that the model's gate lets through (None: it has no gate), the gate's work, a note."""
        if model.gate is None:
            return None, 0, ()
        with stages.stage("asking the gate", 0.1, 0.1) as step:
            runner = self._runner(model.gate, device, options)
            passed = ask_gate(scan, lungs, grid, model.gate.card, runner, step)
        note = f"the gate let {np.count_nonzero(passed.slices)} of {len(passed.slices)} slices through"
        return passed.slices, passed.judged * work_of(model.gate.card, passed.window), (note,)

    def _runner(self, model: Model, device: torch.device, options: Options) -> Runner:
        half = options.half == "auto"
        key = (model.digest, model.card.to_json(), str(device), half)
        return recall(self._runners, key, MOST_MODELS, lambda: Runner(model, device, half))

    def _lungs_of(self, scan: Scan) -> Lungs:
        key = scan.volume.content_hash
        return recall(self._lungs, key, MOST_SCANS, lambda: find_lungs(scan.voxels, scan.geometry.spacing[::-1]))

    def _on_a_device(
        self, model: Model, options: Options, stages: Stages, attempt: Callable[[Runner], Answer]
    ) -> tuple[Answer, Runner, tuple[str, ...]]:
        """What `attempt` gives on the wished device, or on the processor where the graphics card has too little memory;
        the runner that did it, and a note where it was not the wished one."""
        device, notes = device_of(options), ()
        while True:
            try:
                with stages.stage("preparing the model", 0.02, 0.04):
                    runner = self._runner(model, device, options)
                return attempt(runner), runner, notes
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
            if device.type == "cpu":
                raise InputRefused("not enough memory for this scan: close other programs, or crop the scan")
            device, notes = (
                torch.device("cpu"),
                ("the graphics card has too little memory: the processor did the work",),
            )
            torch.cuda.empty_cache()


def recall(kept: OrderedDict, key, most: int, make: Callable[[], Answer]) -> Answer:
    """What is kept under the key, made when it is not there; of more than `most` the one not used for longest goes."""
    if key not in kept:
        kept[key] = make()
    kept.move_to_end(key)
    while len(kept) > most:
        kept.popitem(last=False)
    return kept[key]


def device_of(options: Options) -> torch.device:
    """Where to compute; `InputRefused` where it is not there."""
    there = torch.cuda.is_available()
    if options.device == "cuda" and not there:
        raise InputRefused("no CUDA graphics card was found: choose device auto or cpu")
    return torch.device("cuda" if there and options.device != "cpu" else "cpu")


def refuse_task(card: ModelCard) -> None:
    """`InputRefused` for a model that does not search whole scans."""
    if card.task == "prompted":
        raise InputRefused(f"the model {card.name} needs a point inside the lesion: click one")
    if card.task == "gate":
        raise InputRefused(
            f"the model {card.name} is a gate, which only chooses slices: name the model that it belongs to"
        )


def threshold_of(options: Options, card: ModelCard) -> float:
    return card.threshold if options.threshold is None else float(options.threshold)


def work_of(card: ModelCard, window: tuple[int, ...]) -> int:
    """Multiply-adds of one window."""
    sides = window[-catalogue.entry(card.network).dimensions :]
    return counting.multiply_adds(card.network, (1, card.arguments["input_channels"], *sides), **card.arguments)


def prediction_of(
    box: Box,
    model: Model,
    options: Options,
    runner: Runner,
    stages: Stages,
    work: int,
    meter: EnergyMeter,
    notes: tuple[str, ...],
) -> Prediction:
    return Prediction(
        probability=box,
        threshold=threshold_of(options, model.card),
        device=runner.device.type,
        half=runner.setting.half,
        seconds=stages.seconds,
        multiply_adds=work,
        energy_joules=meter.joules(),
        model=model.card.name,
        classes=(options.shown,) if options.shown else model.card.classes,
        notes=notes,
    )
