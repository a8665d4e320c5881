"""A cold process comes to its first answer without what it does not need."""

import subprocess
import sys


def test_the_way_to_a_prediction_loads_no_monai():
    code = "import sys; import LungTumorSegLib.inference.session; print(sorted({m.split('.')[0] for m in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for heavy in ("monai", "lightning", "SimpleITK", "matplotlib", "torchinfo", "vtk", "skimage"):
        assert f"'{heavy}'" not in loaded
