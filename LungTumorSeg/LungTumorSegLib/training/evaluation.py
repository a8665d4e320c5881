"""Prints what a model can do, as JSON: the figures of its card.

``python -m LungTumorSegLib.training.evaluation --model prompted --data lidc-nodules --backgrounds held-out-scans
--scans scans/LIDC-IDRI-0001 scans/LIDC-IDRI-0003``
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import torch

from LungTumorSegLib.inference.session import Session
from LungTumorSegLib.networks.model import Model, load_model
from LungTumorSegLib.training.backgrounds import Background, read_backgrounds
from LungTumorSegLib.training.crops import Nodule, read_nodules
from LungTumorSegLib.training.pasted_evaluation import evaluate_pasted
from LungTumorSegLib.training.prompted_evaluation import evaluate_prompted, summary
from LungTumorSegLib.training.scan_evaluation import click_lesions, search_scan
from LungTumorSegLib.training.scans import TestScan, read_scan
from LungTumorSegLib.training.split import part_of

CLICKS = 5


def evaluate_prompted_model(
    model: Model, nodules: list[Nodule], backgrounds: list[Background], scans: list[TestScan]
) -> dict:
    """One random click inside each nodule, its crop alone and set into held-out lungs, and there also with a second and
    third click where it is wrong, or a box instead; several clicks in scans."""
    session, threshold = Session(), model.card.threshold
    in_scans = {}
    for scan in scans:
        in_scans |= click_lesions(session, model, scan, CLICKS)
    return {
        "crop alone": summary(evaluate_prompted(model.network, nodules, None, threshold)),
        "set into held-out lungs": summary(evaluate_prompted(model.network, nodules, backgrounds, threshold)),
        "the same, two clicks": summary(evaluate_prompted(model.network, nodules, backgrounds, threshold, clicks=2)),
        "the same, three clicks": summary(evaluate_prompted(model.network, nodules, backgrounds, threshold, clicks=3)),
        "the same, a box": summary(evaluate_prompted(model.network, nodules, backgrounds, threshold, boxed=True)),
        "whole scans, Dice after one click, five times": in_scans,
    }


def evaluate_automatic_model(
    model: Model, nodules: list[Nodule], backgrounds: list[Background], scans: list[TestScan]
) -> dict:
    """Whole scans, and held-out nodules set into held-out lungs."""
    session = Session()
    return {
        "whole scans": [asdict(search_scan(session, model, scan)) for scan in scans],
        "nodules set into held-out lungs, found by the search": evaluate_pasted(
            model.network, nodules, backgrounds, model.card.suspicion or model.card.threshold
        ),
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--model", required=True, help="a model's name or folder")
    arguments.add_argument("--data", type=Path, required=True, help="nodule crops, laid out as lidc-nodules")
    arguments.add_argument("--backgrounds", type=Path, required=True, help="scans that nothing was trained on")
    arguments.add_argument("--scans", type=Path, nargs="*", default=[], help="folders with image.nii.gz, mask.nii.gz")
    arguments.add_argument("--part", choices=["validation", "test"], default="test")
    arguments.add_argument("--most", type=int, help="at most so many nodules, for a quick look")
    given = arguments.parse_args()
    torch.set_num_threads(2)
    model = load_model(given.model)
    nodules = [n for n in read_nodules(given.data) if part_of(n.patient) == given.part][: given.most]
    evaluate = evaluate_prompted_model if model.card.task == "prompted" else evaluate_automatic_model
    figures = evaluate(model, nodules, read_backgrounds(given.backgrounds), [read_scan(scan) for scan in given.scans])
    print(json.dumps({"part": given.part, "patients": len({n.patient for n in nodules}), **figures}, indent=2))


if __name__ == "__main__":
    main()
