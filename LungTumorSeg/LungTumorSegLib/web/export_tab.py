"""The Export tab: one button a format; the file comes as a download."""

from __future__ import annotations

from collections.abc import Callable

from trame.widgets import html
from trame.widgets import vuetify3 as v3
from trame_server.utils.typed_state import TypedState

from LungTumorSegLib.web.state import ExportState, SegmentState

FORMATS = {
    "nifti": ("Mask as NIfTI", "mdi-cube-scan", "0 and 1 on the CT's own grid, .nii.gz"),
    "dicom": ("DICOM SEG and SR", "mdi-hospital-box-outline", "Segments and measurements, .zip; for CTs from DICOM"),
    "csv": ("Table as CSV", "mdi-table", "A row a lesion, all columns at full precision"),
    "report": ("Report as PDF", "mdi-file-document-outline", "Pictures and measurements of every lesion"),
    "scene": ("Scene for 3D Slicer", "mdi-package-variant-closed", "CT, probability, segments, lines and table, .mrb"),
}  # fmt: skip


def export_tab(server, export: Callable[[str, float, float], None]) -> None:
    """Build the widgets at the current place; `export` is called with a key of FORMATS, and with the threshold and the
    smallest lesion that the page shows: on a busy machine a click may come before the last of the sliders' values."""
    name = TypedState(server.state, ExportState).name
    segment = TypedState(server.state, SegmentState).name
    sliders = f"{segment.threshold}, {segment.smallest_mm}"
    with html.Div(classes="d-flex flex-column", style="gap: 10px"):
        for key, (title, icon, hint) in FORMATS.items():
            with html.Div():
                v3.VBtn(
                    title, id=f"export-{key}", block=True, variant="tonal", prepend_icon=icon,
                    classes="justify-start", click=(export, f"['{key}', {sliders}]"),
                    loading=(f"{name.busy} === '{key}'",),
                    disabled=(f"!{segment.has_result} || !['', '{key}'].includes({name.busy})",),
                )  # fmt: skip
                html.Div(hint, classes="text-caption mt-1", style="color: var(--lts-quiet)")
