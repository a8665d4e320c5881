"""What the page shows and the user sets, by tab. trame keeps it the same in the browser and in the process."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class PageState:
    """
    Attributes
    ----------
    tab : of the panel. layout : of the views, see `views`.
    window : a name of `views.WINDOWS`, or empty where the user set another.
    said : the status line; failed : it tells of a failure, of which there are details.
    working : the worker or a job is at it; fraction of which is done, 0..100.
    download : address of a file that is ready.
    offer : what the last session left, as a sentence; empty where there is nothing to continue.
    """

    tab: str = "segment"
    layout: str = "four"
    window: str = "lung"
    said: str = ""
    failed: bool = False
    details: str = ""
    details_shown: bool = False
    reading: bool = False
    working: bool = False
    fraction: float = 0.0
    download: str = ""
    offer: str = ""
    ct: str = ""
    cts: list[dict] = field(default_factory=list)
    tool: str = ""
    shortcuts_shown: bool = False


@dataclass
class SegmentState:
    """The names of `Cut` and `Display` in `workstation`. brush_lesion : number of the brush's lesion, 0 for none.
    images : a row for each that the model reads, where these are several."""

    model: str = ""
    models: list[dict] = field(default_factory=list)
    images: list[dict] = field(default_factory=list)
    has_ct: bool = False
    ready: bool = False
    busy: bool = False
    has_result: bool = False
    can_prompt: bool = False
    threshold: float = 0.5
    smallest_mm: float = 3.0
    largest_only: bool = False
    overlay: str = "probability"
    opacity: float = 0.5
    outline: bool = True
    fill: bool = True
    surface: bool = True
    brush_mm: float = 6.0
    brush_ball: bool = False
    brush_lesion: int = 0
    has_prompts: bool = False
    has_edits: bool = False
    can_undo: bool = False
    can_redo: bool = False


@dataclass
class MeasureState:
    """rows : of the lesion table; chosen : a lesion's number, 0 for none; copied : the table as text."""

    rows: list[dict] = field(default_factory=list)
    chosen: int = 0
    sums: str = ""
    copied: str = ""


@dataclass
class ExportState:
    """busy : the key of the format that is being made, or empty."""

    busy: str = ""


@dataclass
class QuestionState:
    """yes : on the button that says so."""

    shown: bool = False
    text: str = ""
    yes: str = ""


@dataclass
class ModelsState:
    """The dialog of models. rows : of the list; chosen : the address of one; facts : of its card."""

    shown: bool = False
    rows: list[dict] = field(default_factory=list)
    chosen: str = ""
    facts: list[str] = field(default_factory=list)
    said: str = ""
    failed: bool = False


@dataclass
class TrainState:
    """What `Teaching` holds, as the page shows it.

    Attributes
    ----------
    base : address of the model to begin with, of `bases`.
    rate : the learning rate as text; empty for the recipe's own, which is `usual_rate`.
    folder : where cases and runs are kept, on the machine of the process; empty for the user's own.
    frozen : folder of cases that must not be forgotten, on the machine of the process; empty for synthetic scans.
    large : a picture that is shown large, or empty.
    """

    cases: list[dict] = field(default_factory=list)
    task: str = "prompted"
    base: str = ""
    bases: list[dict] = field(default_factory=list)
    recipe: str = ""
    epochs: int = 1
    rate: str = ""
    usual_rate: str = ""
    folder: str = ""
    frozen: str = ""
    large: str = ""
    device: str = "auto"
    busy: bool = False
    run_state: str = ""
    state_said: str = ""
    progress: str = ""
    fraction: float = 0.0
    curves: str = ""
    compared: list[list] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)


@dataclass
class FollowUpState:
    """What `Following` holds, as the page shows it.

    Attributes
    ----------
    earlier : a CT's node id. earlier_day, day : of it and of the chosen CT, as the date fields show them.
    chosen : the number of a match. plot : a drawing, or empty.
    """

    choices: list[dict] = field(default_factory=list)
    earlier: str = ""
    earlier_day: str = ""
    day: str = ""
    plot: str = ""
    matches: list[dict] = field(default_factory=list)
    chosen: int = 0
    fates: list[dict] = field(default_factory=list)
    response: str = ""
