"""The Train tab: the user's cases, a model tuned on them, its curves, its comparison with the old one, promotion."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

from trame.widgets import html
from trame.widgets import vuetify3 as v3
from trame_server.utils.typed_state import TypedState

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.web.curves import drawn
from LungTumorSegLib.web.named_folders import NamedFolders
from LungTumorSegLib.web.question import Question
from LungTumorSegLib.web.state import SegmentState, TrainState
from LungTumorSegLib.worker.child import ChildProcess
from LungTumorSegLib.worker.launch import Launch
from LungTumorSegLib.workstation import teaching_words
from LungTumorSegLib.workstation.exporting import Exporting
from LungTumorSegLib.workstation.models import list_models, preferred
from LungTumorSegLib.workstation.teaching import MOST_EPOCHS, Teaching
from LungTumorSegLib.workstation.tuning_recipe import recipe_epochs, recipe_rate
from LungTumorSegLib.workstation.tuning_runs import Judged, Knobs

RECIPES = {"prompted": "Outline what is clicked", "automatic": "Find tumours by itself"}
DEVICES = {"auto": "Fastest", "cpu": "Processor", "cuda": "Graphics card"}
SAID = {
    None: "", "training": "Training", "stopped": "Stopped: it can go on where it was.", "trained": "Trained.",
    "comparing": "Comparing", "compared": "Compared with the old model.", "promoting": "Promoting",
    "promoted": "Promoted: choose it as the model.",
}  # fmt: skip


class TrainTab:
    """Binds the widgets to a `Teaching`, whose host it is.

    Parameters
    ----------
    folder : of the user's cases and runs, unless the user names another. named : what was named before
    launch, new_process : for jobs
    exporting : makes the result's folder that becomes a case
    said, failed : for the status line
    models_changed : called when another model may be chosen
    """

    def __init__(
        self,
        server,
        folder: Path,
        named: NamedFolders,
        launch: Launch,
        new_process: Callable[[], ChildProcess],
        exporting: Exporting,
        said: Callable[[str], None],
        failed: Callable[..., None],
        models_changed: Callable[[], None],
    ):
        self.said, self.failed, self._models_changed = said, failed, models_changed
        self._exporting = exporting
        self.state = TypedState(server.state, TrainState)
        self._segment = TypedState(server.state, SegmentState)
        self._question = Question(server, "train")
        self._own_folder, self._named = folder, named
        self.teaching = Teaching(folder, launch, new_process, self)
        name = self.state.name
        self._take_named()
        self.state.bind_changes(
            {name.task: self._task_chosen, name.folder: self._folder_chosen, name.frozen: self._frozen_chosen}
        )
        self._task_chosen(self.state.data.task)
        self.changed()

    # What the teaching tells (`TeachingHost`)

    def changed(self) -> None:
        taught, data = self.teaching, self.state.data
        sentence, fraction = taught.progress or ("", 0.0)
        data.progress, data.fraction = sentence, round(100 * fraction, 1)
        data.curves = drawn(taught.curves())
        if taught.busy and data.busy:
            return  # only further than before
        data.busy, data.run_state, data.state_said = taught.busy, taught.state or "", SAID.get(taught.state, "")
        self._show_cases()
        compared = taught.compared()
        rows = (("Your cases", compared.site), ("Other cases", compared.frozen)) if compared else ()
        data.compared = [row(title, part) for title, part in rows]
        data.reasons = list(compared.reasons) if compared else []
        data.pictures = [picture(path) for path in compared.pictures[:4]] if compared else []
        self._models_changed()
        self._show_bases()

    def _show_bases(self) -> None:
        """The models of the task that can be begun with."""
        data = self.state.data
        models = [model for model in list_models() if model.task == data.task]
        data.bases = [{"value": model.address, "title": model.name} for model in models]
        if data.base not in [model.address for model in models]:
            best = preferred(models, data.task)
            data.base = best.address if best else ""

    def _show_cases(self) -> None:
        try:
            cases = self.teaching.cases()
        except InputRefused as refusal:
            self.failed(str(refusal))
            cases = []
        self.state.data.cases = [
            {
                "name": case.name,
                "picture": picture(self.teaching.thumbnail(case)),
                "text": f"{case.lesions} lesion{'s' * (case.lesions != 1)}, {case.volume_ml:.1f} mL",
                "notes": " ".join(case.notes),
            }
            for case in cases
        ]

    # What the user does

    def _task_chosen(self, task: str) -> None:
        data = self.state.data
        data.epochs, data.rate = recipe_epochs(task), ""
        data.usual_rate, data.recipe = f"{recipe_rate(task):.2g}", teaching_words.recipe_of(task)
        self._show_bases()

    def _take_named(self) -> None:
        """The folders that were named before. One that is out of reach now is told of, and not forgotten."""
        for field, else_ in (("folder", "the program's own folder is"), ("frozen", "synthetic scans are")):
            folder = folder_named(self._named[field])
            if folder is None:
                continue
            if folder.is_dir():
                setattr(self.state.data, field, self._named[field])
                setattr(self.teaching, field, folder)
            else:
                self.failed(f"The folder {folder.name} of the Train tab is out of reach: {else_} used meanwhile.")

    def _folder_chosen(self, text: str | None) -> None:
        folder = folder_named(text) or self._own_folder
        if folder == self.teaching.folder:  # trame tells of what was never changed, too
            return
        if folder != self._own_folder:
            if not folder.parent.is_dir():
                self._refuse("folder", f"There is no folder {folder.parent.name} to keep the cases in: check the path.")
                return
            try:
                folder.mkdir(exist_ok=True)
            except OSError as error:
                why = f"The folder {folder.name} cannot keep the cases: {error.strerror}. Choose another."
                self._refuse("folder", why)
                return
        self.teaching.folder, self._named["folder"] = folder, text or ""
        self.changed()

    def _frozen_chosen(self, text: str | None) -> None:
        folder = folder_named(text)
        if folder == self.teaching.frozen:
            return
        if folder is not None and not folder.is_dir():
            why = f"There is no folder {folder.name} for cases that must not be forgotten: check the path."
            self._refuse("frozen", why)
            return
        self.teaching.frozen, self._named["frozen"] = folder, text or ""

    def _refuse(self, field: str, why: str) -> None:
        """The field is empty then, which is a choice, too."""
        self.failed(why)
        setattr(self.state.data, field, "")

    def _add(self) -> None:
        self._exporting.result(lambda folder: self._try(lambda: self.teaching.add_case(folder)))

    def _remove(self, name: str) -> None:
        self._question.ask(
            f"Delete {name} from the cases?", "Delete", lambda: self._try(lambda: self.teaching.remove_case(name))
        )

    def _start(self) -> None:
        data = self.state.data
        epochs, rate = number(data.epochs), number(data.rate)
        if rate is not None and not rate > 0:
            self.failed("The learning rate must be a number above 0, or empty for the recipe's own.")
            return
        knobs = Knobs(data.task, data.base, None if epochs is None else int(epochs), rate, data.device)
        self._try(lambda: self.teaching.start(knobs))

    def _discard(self) -> None:
        self._question.ask(
            "Delete the new model? The cases and the old model stay.", "Delete",
            lambda: self._try(self.teaching.discard),
        )  # fmt: skip

    def _try(self, does: Callable[[], None]) -> None:
        try:
            does()
        except InputRefused as refusal:
            self.failed(str(refusal))

    def fill(self) -> None:
        """Build the widgets at the current place."""
        name, data = self.state.name, self._segment.name
        html.Div("Cases", classes="lts-section")
        with html.Div(classes="lts-row"):
            v3.VBtn(
                "Add this case", size="small", variant="tonal", prepend_icon="mdi-plus", id="add-case",
                click=self._add, disabled=(f"{name.busy} || !{data.has_result}",),
                title="A copy of the CT without the patient's name, with the mask as it is now, corrections included",
            )  # fmt: skip
            html.Span(
                f"{{{{ {name.cases}.length }}}} case{{{{ {name.cases}.length === 1 ? '' : 's' }}}}",
                classes="text-caption",
            )
        with (
            html.Div(classes="lts-cases"),
            html.Div(v_for=f"case_ in {name.cases}", key="case_.name", classes="lts-case", title=("case_.notes",)),
        ):
            html.Img(src=("case_.picture",), alt="")
            html.Div("{{ case_.text }}", classes="text-caption")
            v3.VBtn(
                icon="mdi-close", size="x-small", variant="text", density="compact", classes="lts-remove",
                title="Remove this case", aria_label="Remove this case", click=(self._remove, "[case_.name]"),
            )  # fmt: skip

        look = {"density": "compact", "hide_details": True, "variant": "outlined", "disabled": (name.busy,)}
        v3.VTextField(
            model_value=(name.folder,), change=f"{name.folder} = $event.target.value", id="teaching-folder",
            classes="mt-2", label="Kept in", placeholder="your own folder; or another on this machine",
            persistent_placeholder=True, title="Where cases and trainings lie; press Enter", **look,
        )  # fmt: skip

        html.Div("Training", classes="lts-section")
        v3.VSelect(
            v_model=(name.task,), items=([{"value": k, "title": t} for k, t in RECIPES.items()],), label="Teach to",
            classes="mb-2", title=(name.recipe,), **look,
        )  # fmt: skip
        with html.Div(classes="lts-row flex-nowrap mb-2"):
            v3.VSelect(
                v_model=(name.base,), items=(name.bases,), label="Begin with", id="base", style="min-width: 0",
                title="The model that is tuned; it stays as it is", **look,
            )  # fmt: skip
            v3.VSelect(
                v_model=(name.device,), items=([{"value": k, "title": t} for k, t in DEVICES.items()],),
                label="Computed by", style="min-width: 0", **look,
            )  # fmt: skip
        with html.Div(classes="lts-row flex-nowrap mb-2"):
            v3.VTextField(
                v_model_number=(name.epochs,), type="number", min=1, max=MOST_EPOCHS, label="Epochs",
                id="epochs", style="flex: 0 1 34%", title="How often the cases are gone through", **look,
            )  # fmt: skip
            v3.VTextField(
                v_model=(name.rate,), type="number", min=0, step="any", label="Learning rate", id="rate",
                placeholder=(f"`${{{name.usual_rate}}} (recipe)`",), persistent_placeholder=True,
                title="How far a step goes; empty: the recipe's own, which was tried out", **look,
            )  # fmt: skip
        v3.VTextField(
            model_value=(name.frozen,), change=f"{name.frozen} = $event.target.value", id="frozen", classes="mb-3",
            label="Cases that must not be forgotten",
            placeholder="synthetic scans; or a folder on this machine", persistent_placeholder=True,
            title="The new model may not be worse on these; press Enter", **look,
        )  # fmt: skip
        with html.Div(classes="lts-row"):
            v3.VBtn(
                "Start", id="train-start", color="primary", size="small", v_if=(f"!{name.busy}",), click=self._start
            )
            v3.VBtn("Stop", id="train-stop", size="small", v_if=(name.busy,), click=self.teaching.stop)
            for text, state, does in (
                ("Go on", ("stopped",), self.teaching.resume),
                ("Compare", ("trained",), self.teaching.compare),
                ("Promote", ("compared",), self.teaching.promote),
                ("Discard", ("stopped", "trained", "compared", "promoted"), self._discard),
            ):
                states = ", ".join(f"'{one}'" for one in state)
                enough = f" && !{name.reasons}.length" if text == "Promote" else ""
                v3.VBtn(
                    text, size="small", variant="tonal", id=f"train-{text.lower().replace(' ', '-')}",
                    v_if=(f"!{name.busy} && [{states}].includes({name.run_state}){enough}",),
                    click=lambda does=does: self._try(does),
                )  # fmt: skip
            v3.VBtn(
                "Roll back", size="small", variant="text", v_if=(f"!{name.busy} && {name.run_state} === 'promoted'",),
                click=lambda: self._try(lambda: self.teaching.roll_back(self.state.data.task)),
                title="Let the promoted model's name mean the one before",
            )  # fmt: skip
        html.Div(f"{{{{ {name.progress} || {name.state_said} }}}}", classes="text-body-2 mt-2", id="train-said")
        v3.VProgressLinear(
            model_value=(name.fraction,), active=(name.busy,), height=4, rounded=True, color="primary",
            aria_label="Progress of the training",
        )  # fmt: skip
        html.Div(v_html=(name.curves,), classes="mt-2", id="curves")
        with html.Table(classes="lts-table mt-2", v_if=(f"{name.compared}.length",), id="compared"):
            with html.Thead(), html.Tr():
                for title in ("Mean Dice", "Cases", "Old", "New", "Newly missed"):
                    html.Th(title)
            with html.Tbody(), html.Tr(v_for=f"line in {name.compared}", key="line[0]", style="cursor: default"):
                html.Td("{{ cell }}", v_for="cell in line")
        html.Div("{{ reason }}", v_for=f"reason in {name.reasons}", classes="lts-failed text-body-2 mt-1")
        html.Img(
            v_for=f"shot in {name.pictures}", src=("shot",), classes="mt-2 lts-shot", alt="Old and new", tabindex=0,
            title="Show large", role="button", click=f"{name.large} = shot", v_on_keydown_enter=f"{name.large} = shot",
        )  # fmt: skip
        with v3.VDialog(model_value=(f"!!{name.large}",), update_modelValue=f"{name.large} = ''", max_width=1400):
            html.Img(src=(name.large,), style="width: 100%", alt="Old and new", click=f"{name.large} = ''")
        self._question.fill()


def row(title: str, part: Judged) -> list:
    return [title, part.cases, f"{part.base:.3f}", f"{part.candidate:.3f}", part.newly_missed]


def number(text) -> float | None:
    """Of a field; None where it is empty."""
    return None if text in ("", None) else float(text)


def folder_named(text: str | None) -> Path | None:
    """By a field; None where it is empty."""
    return Path(text.strip()).expanduser().absolute() if text and text.strip() else None


def picture(path: Path) -> str:
    """As an address that holds it, for these are small."""
    try:
        return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
    except OSError:
        return ""
