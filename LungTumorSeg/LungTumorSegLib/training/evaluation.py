"""Prints what a model, by name or folder, can do, as JSON: the figures of its card (`measured_card` writes them there).
Patients whom its card says it was taught with are left out, whatever part they belong to by now.

``python -m LungTumorSegLib.training.evaluation --model prompted --data lidc-nodules --backgrounds held-out-scans
--scans scans/LIDC-IDRI-0001 scans/LIDC-IDRI-0003``
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import torch

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.inference.session import Session
from LungTumorSegLib.networks import catalogue
from LungTumorSegLib.networks.card import ModelCard
from LungTumorSegLib.networks.model import load_card, load_model
from LungTumorSegLib.training import enlarged_evaluation, searching_samples
from LungTumorSegLib.training.backgrounds import Background, read_backgrounds
from LungTumorSegLib.training.crops import Nodule, read_nodules
from LungTumorSegLib.training.enlarged_evaluation import evaluate_enlarged, search_enlarged
from LungTumorSegLib.training.pasted_evaluation import evaluate_pasted
from LungTumorSegLib.training.prompted_evaluation import evaluate_prompted, summary
from LungTumorSegLib.training.scan_evaluation import click_lesions, search_scan
from LungTumorSegLib.training.scans import TestScan, read_scan
from LungTumorSegLib.training.split import Part
from LungTumorSegLib.training.taught import may_judge

CLICKS = 5
COUNTS = ("one click", "two clicks", "three clicks")


def evaluate_prompted_model(
    name: str, nodules: list[Nodule], backgrounds: list[Background], scans: list[TestScan]
) -> dict:
    """One random click inside each nodule, also with a second and third click where it is wrong (anywhere in the error,
    or in its middle), or a box instead; its crop alone and set into held-out lungs; several clicks in scans."""
    session = Session()
    in_scans, cut_out = {}, {}
    for scan in scans:
        in_scans |= click_lesions(session, name, scan, CLICKS)
        cut_out |= click_lesions(session, name, scan, CLICKS, alone=True)
    in_nodules = {}
    for where, around in (("crop alone", None), ("set into held-out lungs", backgrounds)):
        by_clicks = evaluate_prompted(session, name, nodules, around, clicks=len(COUNTS))
        for count, outcomes in zip(COUNTS, by_clicks, strict=True):
            in_nodules[f"{where}, {count}"] = summary(outcomes)
        _, *centred = evaluate_prompted(session, name, nodules, around, clicks=len(COUNTS), centred=True)
        for count, outcomes in zip(COUNTS[1:], centred, strict=True):
            in_nodules[f"{where}, {count}, mid-error"] = summary(outcomes)
        (boxed,) = evaluate_prompted(session, name, nodules, around, boxed=True)
        in_nodules[f"{where}, a box"] = summary(boxed)
    return {
        **in_nodules,
        "enlarged, one click": enlarged_evaluation.summary(evaluate_enlarged(name, nodules, backgrounds)),
        "whole scans, Dice after one click, five times": in_scans,
        "the same lesions and clicks, cut out of their scans": cut_out,
    }


def evaluate_automatic_model(
    name: str, nodules: list[Nodule], backgrounds: list[Background], scans: list[TestScan]
) -> dict:
    """Whole scans, and held-out nodules set into held-out lungs: enlarged ones, and as they are where the model
    searches as ours does."""
    session, card = Session(), load_card(name)
    figures: dict = {
        "whole scans": [asdict(search_scan(session, name, scan)) for scan in scans],
        "enlarged": enlarged_evaluation.summary(search_enlarged(name, nodules, backgrounds), "scans"),
    }
    if searches_like_ours(card):
        network = load_model(name).network
        found = evaluate_pasted(network, nodules, backgrounds, card.suspicion or card.threshold)
        figures["nodules set into held-out lungs, found by the search"] = found
    return figures


def untaught(nodules: list[Nodule], part: Part, card: ModelCard) -> list[Nodule]:
    """Those of the part's patients, without the ones whom the card names as taught."""
    return [nodule for nodule in nodules if may_judge(card, nodule.patient, part)]


def searches_like_ours(card: ModelCard) -> bool:
    """Whether the network sees cubes of our search's spacing, of the CT alone, and says one probability."""
    sees = card.hu_range, card.spacing_mm, card.arguments["input_channels"], len(card.classes), card.activation
    ours = searching_samples.HU_RANGE, (searching_samples.SPACING_MM,) * 3, 1, 1, "sigmoid"
    return catalogue.entry(card.network).dimensions == 3 and sees == ours


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--model", required=True, help="a model's name or folder")
    arguments.add_argument("--data", type=Path, required=True, help="nodule crops, laid out as lidc-nodules")
    arguments.add_argument("--backgrounds", type=Path, required=True, help="scans that nothing was trained on")
    arguments.add_argument("--scans", type=Path, nargs="*", default=[], help="folders with image.nii.gz, mask.nii.gz")
    arguments.add_argument("--part", choices=["validation", "test"], default="test")
    arguments.add_argument("--most", type=int, help="at most so many nodules, for a quick look")
    arguments.add_argument("--threads", type=int, help="of the processor [all]")
    given = arguments.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
    card = load_card(given.model)
    if card.task == "gate":
        raise InputRefused("a gate finds no lesions: name the model that it belongs to")
    nodules = untaught(read_nodules(given.data), given.part, card)[: given.most]
    evaluate = evaluate_prompted_model if card.task == "prompted" else evaluate_automatic_model
    scans = [read_scan(scan) for scan in given.scans]
    figures = evaluate(given.model, nodules, read_backgrounds(given.backgrounds), scans)
    print(json.dumps({"part": given.part, "patients": len({n.patient for n in nodules}), **figures}, indent=2))


if __name__ == "__main__":
    try:
        main()
    except InputRefused as refusal:
        raise SystemExit(f"{refusal}") from None
