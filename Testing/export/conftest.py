from datetime import UTC, datetime
from pathlib import Path

import pytest
from made_series import MadeSeries, lesion_voxels

from LungTumorSegLib.export.findings import AUTOMATIC, Findings, Maker
from LungTumorSegLib.measurement.measure import measure
from LungTumorSegLib.volume.reading import read_ct

WRITTEN = datetime(2025, 3, 15, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="session")
def found(tmp_path_factory):
    """Makes findings on a series in a plane: as if `segment` had found the three lesions."""

    def make(plane: str = "axial", kind: str = AUTOMATIC, only: int | None = None, **series) -> Findings:
        folder = MadeSeries(plane, **series).write(tmp_path_factory.mktemp("ct"))
        ct = read_ct(folder)
        # The reader orders slices along their normal, as they were made.
        labels = lesion_voxels()
        if only is not None:
            labels[labels != only] = 0
        probability = (labels > 0).astype("float32") * 0.8
        lesions = measure(labels, ct.geometry, probability, ct=ct.voxels)
        return Findings(ct, labels, lesions, Maker(kind, "automatic", "0.2.0", 0.5), WRITTEN)

    return make


@pytest.fixture(scope="session")
def axial(found) -> Findings:
    return found()


@pytest.fixture(scope="session")
def nothing(axial) -> Findings:
    """A scan in which no lesion was found."""
    return Findings(axial.ct, axial.labels * 0, [], axial.maker, WRITTEN)


@pytest.fixture(scope="session")
def exported(axial, tmp_path_factory) -> Path:
    """The axial findings in every format."""
    from LungTumorSegLib.export.formats import FORMATS

    folder = tmp_path_factory.mktemp("exported")
    for each in FORMATS.values():
        each.write(folder, axial)
    return folder
