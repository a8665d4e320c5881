import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "volume"))  # small_scans and made_masks write DICOM
