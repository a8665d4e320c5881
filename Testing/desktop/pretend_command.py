"""`lungtumorseg ...` whose training and comparison pretend: progress, files and exit codes are as the real commands
leave them, nothing is learnt. All other commands are the real ones. Run by `worker.hosted`; never part of the product.
"""

import json
import shutil
import sys
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
BUNDLED = REPOSITORY / "LungTumorSeg" / "Resources" / "Models" / "prompted"
EPOCHS, SECONDS = 6, 0.4


def value(name):
    return Path(sys.argv[sys.argv.index(name) + 1]) if name in sys.argv else None


def tell(stage, fraction, left):
    print(json.dumps({"stage": stage, "fraction": fraction, "seconds_left": left}), flush=True)


def train():
    folder = value("-o")
    folder.mkdir(exist_ok="--resume" in sys.argv)
    table = folder / "curves.csv"
    lines = table.read_text().splitlines() if table.exists() else []
    lines = lines or ["step,loss,learning_rate,validation_loss,validation_score,seconds"]
    for epoch in range(len(lines), EPOCHS + 1):
        time.sleep(SECONDS)
        validated = f"{0.9 - epoch / 20:.2f},{0.5 + epoch / 20:.2f}" if epoch % 2 == 0 else ","
        lines.append(f"{10 * epoch},{1 - epoch / 10:.2f},0.0001,{validated},{epoch}")
        table.write_text("\n".join(lines) + "\n")
        tell("training", epoch / EPOCHS, SECONDS * (EPOCHS - epoch))
    shutil.copytree(BUNDLED, folder, dirs_exist_ok=True)


def compare(folder):
    tell("comparing", 0.5, 1.0)
    (folder / "pictures").mkdir(parents=True)
    for name in ("site-case-001-1", "frozen-case-000-1"):
        shutil.copy(REPOSITORY / "Resources" / "Screenshots" / "outlines.png", folder / "pictures" / f"{name}.png")
    worse = (folder.parent / "worse").exists()
    part = {"cases": 1, "patients": 1, "set_aside": "patients kept back", "newly_missed": 0}
    told = {
        "site": {**part, "dice_base": 0.71, "dice_candidate": 0.64 if worse else 0.78},
        "frozen": {**part, "dice_base": 0.82, "dice_candidate": 0.81},
        "reasons": ["Dice on the site's cases falls by 0.070"] if worse else [],
    }
    (folder / "comparison.json").write_text(json.dumps(told))


def promote():
    from LungTumorSegLib.networks import registry

    def fill(folder, _version):
        shutil.copytree(BUNDLED, folder, dirs_exist_ok=True)

    registry.put_in(registry.registry_folder(), "site-prompted", fill, "report")


if __name__ == "__main__":
    try:
        if sys.argv[1] == "train":
            train()
        elif sys.argv[1] == "promote" and value("--compare"):
            compare(value("--compare"))
        elif sys.argv[1] == "promote":
            promote()
        else:
            from LungTumorSegLib.command.main import main

            main()
    except KeyboardInterrupt:
        sys.exit(130)
