"""What a model shows, in words and in Slicer's codes: a tumour, or a class of another name."""

from __future__ import annotations

import re
from collections.abc import Sequence

# Codes of the DICOM master lists that Slicer brings: category ~ type, and region. "Neoplasm", not "Neoplasm, Primary":
# a scan does not tell a primary tumour from a metastasis.
NEOPLASM = "SCT^49755003^Morphologically Altered Structure~SCT^108369006^Neoplasm"
TISSUE = "SCT^85756007^Tissue~SCT^85756007^Tissue"
LUNG, LYMPH_NODE, NOT_SAID = "SCT^39607008^Lung", "SCT^59441001^Lymph node", "^^"
LISTS = "Segmentation category and type - DICOM master list", "Anatomic codes - DICOM master list"

TUMOUR = re.compile("tumou?r|nodule|lesion|neoplas|cancer|carcinoma|metasta|gtv", re.IGNORECASE)


def all_tumours(classes: Sequence[str]) -> bool:
    """Whether each is a tumour by its name. A mask has no class, as an older result: it counts."""
    return all(TUMOUR.search(name) for name in classes)


def called(classes: Sequence[str]) -> str:
    """The name that, with its number, a component of these classes gets."""
    if all_tumours(classes):
        return "Tumour"
    return classes[0] if len(classes) == 1 else "Region"


def not_tumours(classes: Sequence[str]) -> str:
    """Why something that is about tumours cannot be had."""
    return f"the model shows {', '.join(classes)}, not tumours alone"


def entry(classes: Sequence[str], node: bool = False, in_hu: bool = True) -> str:
    """Slicer's: context ~ category ~ type ~ modifier ~ region context ~ region ~ modifier.

    node : the lesion is a lymph node. in_hu : False of an image that is no CT, of which no region is said.
    """
    tumours = all_tumours(classes)
    where = LYMPH_NODE if node else LUNG if tumours and in_hu else NOT_SAID
    return f"{LISTS[0]}~{NEOPLASM if tumours else TISSUE}~^^~{LISTS[1]}~{where}~^^"
