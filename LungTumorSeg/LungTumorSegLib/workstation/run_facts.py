"""How a result in the scene was made: kept with our segmentation node, so that it is saved, too."""

from __future__ import annotations

import json

from LungTumorSegLib.scene import prompts, segments
from LungTumorSegLib.scene.cut import kept_cut
from LungTumorSegLib.scene.made_by import RUN
from LungTumorSegLib.scene.measured import is_ct
from LungTumorSegLib.scene.result import Result

FACTS = ("model", "model_fingerprint", "device", "half_precision", "multiply_adds", "energy_joules", "notes")


def keep_run(node, meta: dict, fingerprint: str | None, first: bool = True) -> None:
    """Remember with our segmentation node what made it.

    meta : of the worker's answer. first : False for an answer beside others, which names the model only where none is
        named yet.
    """
    if not first and node.GetAttribute(RUN):
        return
    known = {"half_precision": meta.get("half"), "model_fingerprint": fingerprint, **meta}
    note_run(node, known)


def note_run(node, known: dict) -> None:
    """Keep with our segmentation node what run.json says of these, too. The classes are the segments' own."""
    node.SetAttribute(RUN, json.dumps({name: known.get(name) for name in FACTS}))
    segments.say_classes(node, known.get("classes") or ())


def run_facts(result: Result) -> dict:
    """What run.json says of a result in the scene."""
    kept = json.loads(result.segmentation_node.GetAttribute(RUN) or "{}")
    cut = kept_cut(result.ct)
    shown = segments.classes_of(result.segmentation_node)
    asked = prompts.read_prompts(result.ct)
    return {
        "identity": result.segmentation_node.GetAttribute(segments.IDENTITY),
        **{name: value for name, value in kept.items() if value is not None or name == "energy_joules"},
        **({"classes": shown} if shown else {}),
        "threshold": cut.threshold if cut is not None else None,
        "smallest_mm": cut.smallest_mm if cut is not None else None,
        "largest_only": cut.largest_only if cut is not None else None,
        "prompts": [
            {"points_inside": p.inside, "points_outside": p.outside, **({"box": p.box} if p.box else {})} for p in asked
        ],
        "corrected": any(getattr(lesion, "corrected", False) for lesion in result.lesions),
        "source_name": result.ct.GetName(),
        "in_hu": is_ct(result.ct),
    }
