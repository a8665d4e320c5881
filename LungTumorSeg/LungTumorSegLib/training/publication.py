"""Makes a model folder of a run: its averaged weights and a card that says where they come from.

``python -m LungTumorSegLib.training.publication prompted --run run --data lidc-nodules --backgrounds scans -o model``
"""

from __future__ import annotations

import argparse
import json
import platform
from collections import Counter
from importlib.metadata import version
from pathlib import Path

from LungTumorSegLib.networks import catalogue
from LungTumorSegLib.networks.card import ModelCard
from LungTumorSegLib.networks.model import load_model, save_model
from LungTumorSegLib.training import prompted, prompted_samples, searching, searching_samples
from LungTumorSegLib.training.backgrounds import read_backgrounds
from LungTumorSegLib.training.checkpoint import read_checkpoint
from LungTumorSegLib.training.crops import folder_digest, read_nodules
from LungTumorSegLib.training.loop import CHECKPOINT, averaged
from LungTumorSegLib.training.split import part_of

LICENCE = "Apache-2.0; trained on CC BY 3.0 and CC BY 4.0 data, whose collections must be cited"
LIDC = "LIDC-IDRI, Armato et al., TCIA, doi:10.7937/K9/TCIA.2015.LO9QL9SX (CC BY 3.0)"
RADIOGENOMICS = "NSCLC Radiogenomics, Bakr et al., TCIA, doi:10.7937/K9/TCIA.2017.7hs46erv (CC BY 3.0)"
LUNG_DX = "Lung-PET-CT-Dx, Li et al., TCIA, doi:10.7937/TCIA.2020.NNC2-0461 (CC BY 4.0)"
WARNING = "Research only, not a medical device."
COVID_CT_MD = "COVID-CT-MD, normal subjects, Afshar et al., Sci Data 2021, doi:10.1038/s41597-021-00900-3 (CC BY 4.0)"
CMB_CRC = "CMB-CRC, Cancer Moonshot Biobank, Colorectal Cancer Collection, TCIA (CC BY 4.0)"
MODULES = {"prompted": "prompted", "automatic": "searching"}
LUNGS_FROM = {"covidmd": COVID_CT_MD, "cmb-crc": CMB_CRC, "R01": RADIOGENOMICS, "Dx": LUNG_DX}  # by a scan's name
KINDS = {
    "prompted": {
        "network": prompted.NETWORK,
        "arguments": {"input_channels": prompted.INPUT_CHANNELS},
        "spacing_mm": (1.0, 1.0, 1.0),
        "window": (48, 48, 48),
        "hu_range": prompted_samples.HU_RANGE,
    },
    "automatic": {
        "network": searching.NETWORK,
        "arguments": {"input_channels": 1},
        "spacing_mm": (searching_samples.SPACING_MM,) * 3,
        "window": (64, 64, 64),
        "hu_range": searching_samples.HU_RANGE,
        "outlined_by": "prompted",
    },
}


def publish(
    task: str,
    run: Path,
    data: Path,
    backgrounds: Path,
    out: Path,
    threshold: float,
    suspicion: float | None,
    metrics: dict,
    failures: list[str],
    parent: Path | None = None,
    history: str = "",
) -> None:
    """Writes the model folder `out`, which must not exist.

    suspicion : of an automatic model, the probability from which the prompted one looks again.
    metrics, failures : for the card, as measured. parent : the model that the run began with. history : what in the
    run was not as the recipe says.
    """
    kind = KINDS[task]
    state = read_checkpoint(run / CHECKPOINT)
    nodules = read_nodules(data)
    counts = {
        part: {
            "patients": len({n.patient for n in nodules if part_of(n.patient) == part}),
            "nodules": sum(part_of(n.patient) == part for n in nodules),
        }
        for part in ("train", "validation", "test")
    }
    scans = Counter(scan.name for scan in read_backgrounds(backgrounds))
    card = ModelCard(
        name=out.name,
        task=task,
        threshold=threshold,
        suspicion=suspicion,
        overlap=0.125,
        adjacent_slices=1,
        licence=LICENCE,
        provenance={
            "warning": WARNING,
            "collections": [
                LIDC,
                *(cite for start, cite in LUNGS_FROM.items() if any(n.startswith(start) for n in scans)),
            ],
            "nodules": counts,
            "nodules_sha256": folder_digest(data),
            "lungs_to_set_them_into": sorted(scans),
            "lungs_sha256": folder_digest(backgrounds),
            "split": "by patient: SHA-256 of '0:<patient>' modulo 100, below 70 train, below 80 validation, else test; "
            "LIDC-IDRI-0001 and LIDC-IDRI-0003 always test (LungTumorSegLib.training.split)",
            "recipe": f"python -m LungTumorSegLib.training.{MODULES[task]} --data lidc-nodules "
            "--backgrounds scans -o run "
            f"--steps {state.plan['steps']} --batch {state.plan['batch']} --seed {state.plan['seed']} "
            f"--rate {state.plan['learning_rate']}"
            + (" --half" if state.plan["half"] else "")
            + (" --start parent" if parent else ""),
            "plan": state.plan,
            "steps_done": state.step,
            "versions": {name: version(name) for name in ("torch", "numpy", "scipy", "SimpleITK")}
            | {"python": platform.python_version()},
            "parent": load_model(parent).digest if parent else None,
            "history": history,
            "metrics": metrics,
            "known_failures": failures,
        },
        **kind,
    )
    save_model(out, averaged(catalogue.build(kind["network"], **kind["arguments"]), run), card)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("task", choices=sorted(KINDS))
    arguments.add_argument("--run", type=Path, required=True)
    arguments.add_argument("--data", type=Path, required=True)
    arguments.add_argument("--backgrounds", type=Path, required=True)
    arguments.add_argument("--threshold", type=float, default=0.5)
    arguments.add_argument("--suspicion", type=float, help="of an automatic model: from where it is looked at again")
    arguments.add_argument("--metrics", type=Path, help="JSON that LungTumorSegLib.training.evaluation printed")
    arguments.add_argument("--failure", action="append", default=[], help="a known failure, in plain words")
    arguments.add_argument("--parent", type=Path, help="the model that the run began with")
    arguments.add_argument("--history", default="", help="what in the run was not as the recipe says")
    arguments.add_argument("-o", "--out", type=Path, required=True, help="the model's folder, its name the model's")
    given = arguments.parse_args()
    metrics = json.loads(given.metrics.read_text()) if given.metrics else {}
    publish(
        given.task,
        given.run,
        given.data,
        given.backgrounds,
        given.out,
        given.threshold,
        given.suspicion,
        metrics,
        given.failure,
        given.parent,
        given.history,
    )


if __name__ == "__main__":
    main()
