"""What the panel remembers in the scene: saved with it and restored from it.

No postponed annotations in this file: the wrapper reads the types themselves.
"""

from typing import Annotated

from slicer import vtkMRMLScalarVolumeNode
from slicer.parameterNodeWrapper import SingleStep, WithinRange, parameterNodeWrapper


@parameterNodeWrapper
class Parameters:
    """The names are those of the `SlicerParameterName` properties in LungTumorSeg.ui, but for `model` and `tab`, which
    the panel sets and reads itself: the wrapper knows no list of choices that grows.

    ct : the scan to segment.
    model : the chosen automatic model; empty: the default.
    tab : the tab that is shown, counted from 0.
    threshold : a voxel is tumour where its probability is at least this.
    smallestMm : lesions with a shorter long axis are left out.
    largestOnly : all but the lesion of the greatest volume are left out.
    opacity : of the overlay and of the fill, 0..1.
    """

    ct: vtkMRMLScalarVolumeNode
    model: str = ""
    tab: int = 0
    threshold: Annotated[float, WithinRange(0.02, 0.98), SingleStep(0.01)] = 0.5
    smallestMm: Annotated[float, WithinRange(0, 30), SingleStep(0.5)] = 3.0
    largestOnly: bool = False
    showProbability: bool = True
    showGradCam: bool = False
    showOutline: bool = True
    showFill: bool = True
    showSurface: bool = False
    showLegend: bool = False
    opacity: Annotated[float, WithinRange(0, 1), SingleStep(0.05)] = 0.5
