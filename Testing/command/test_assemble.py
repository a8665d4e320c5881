"""A host's result brought back to the files that its scan came from."""

import sys
from pathlib import Path

import numpy as np

from LungTumorSegLib.command.assemble import ct_of
from LungTumorSegLib.export.handover import Handover
from LungTumorSegLib.volume.box import EMPTY
from LungTumorSegLib.volume.geometry import Geometry
from LungTumorSegLib.volume.reading import read_ct

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "export"))

from made_series import OBLIQUE, SPACING, MadeSeries


def test_a_host_that_shows_rounded_cosines_as_stated_still_has_the_scan_of_its_dicom_files(tmp_path):
    rounded = np.round(OBLIQUE[:, :2], 3)
    folder = MadeSeries("oblique", {"ImageOrientationPatient": rounded.T.ravel().tolist()}).write(tmp_path / "ct")
    ct = read_ct(folder)
    normal = np.cross(*rounded.T)
    axes = np.column_stack([rounded, normal / np.linalg.norm(normal)])
    shown = Geometry(ct.geometry.shape, SPACING, ct.geometry.origin, axes)
    assert not shown.same_grid(ct.geometry)
    place, found, _ = ct_of(Handover(ct.voxels, shown, EMPTY, source=str(folder)), tmp_path)
    assert place == folder
    assert found.series == ct.series
