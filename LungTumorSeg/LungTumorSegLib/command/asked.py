"""What the user asked of `lungtumorseg segment`."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from LungTumorSegLib.errors import InputRefused


@dataclass(frozen=True)
class Asked:
    """The same for every scan.

    model : by name or folder, as the worker finds it. options : fields of `inference`'s Options.
    prompts : points and boxes, keyword arguments of `WorkerClient.prompt`; none for an automatic model.
    smallest : mm of the long axis. The others as the options of `lungtumorseg segment`.
    """

    model: str
    options: dict
    prompts: tuple[dict, ...] = ()
    smallest: float = 3.0
    largest_only: bool = False
    explain: bool = False
    series: str | None = None
    hu_offset: int | None = None
    resample: bool = False

    def __post_init__(self):
        refuse_size(self.smallest)

    def facts(self) -> dict:
        """What decides the result besides scan and model, for run.json. The device is not part of it."""
        return {
            **{name: value for name, value in asdict(self).items() if name not in ("model", "options", "prompts")},
            **{name: value for name, value in self.options.items() if name != "device"},
        }


def refuse_size(smallest: float) -> None:
    if not smallest >= 0:  # nor NaN, which nothing is at least as long as
        raise InputRefused("--smallest must be 0 mm or more.")
