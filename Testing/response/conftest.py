import pytest
from moved_phantom import moved, true_matrix

from LungTumorSegLib.response.lungs import lungs_of
from LungTumorSegLib.volume.geometry import Geometry, Volume
from LungTumorSegLib.volume.phantom import make_phantom


@pytest.fixture(scope="session")
def chest() -> Volume:
    """The synthetic chest, coarse, without tumours."""
    return make_phantom(shape=(92, 128, 128), spacing=(2.8, 2.8, 3.0), tumours=())[0]


@pytest.fixture(scope="session")
def chest_lungs(chest) -> Volume:
    return lungs_of(chest)


@pytest.fixture(scope="session")
def other_grid() -> Geometry:
    """Of another scanner: other spacing, slices stored from head to feet, another corner."""
    return Geometry((66, 150, 150), (2.4, 2.4, 4.0), (-160.0, -200.0, 295.0), ((1, 0, 0), (0, 1, 0), (0, 0, -1)))


@pytest.fixture(scope="session")
def later(chest, other_grid) -> Volume:
    """The chest at a later date, moved by `true_matrix()`."""
    return moved(chest, true_matrix(), other_grid)
