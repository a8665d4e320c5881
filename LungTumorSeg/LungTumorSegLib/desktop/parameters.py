"""What the panel remembers in the scene: saved with it and restored from it.

No postponed annotations in this file: the wrapper reads the types themselves.
"""

from typing import Annotated

from slicer import vtkMRMLScalarVolumeNode
from slicer.parameterNodeWrapper import SingleStep, WithinRange, parameterNodeWrapper


@parameterNodeWrapper
class Parameters:
    """The names are those of the `SlicerParameterName` properties in LungTumorSeg.ui.

    ct : the scan to segment.
    threshold : a voxel is tumour where its probability is at least this.
    smallestMm : lesions with a shorter long axis are left out.
    opacity : of the overlay, 0..1.
    """

    ct: vtkMRMLScalarVolumeNode
    threshold: Annotated[float, WithinRange(0.02, 0.98), SingleStep(0.01)] = 0.5
    smallestMm: Annotated[float, WithinRange(0, 30), SingleStep(0.5)] = 3.0
    showProbability: bool = True
    showGradCam: bool = False
    showOutlineOnly: bool = False
    showSurface: bool = False
    opacity: Annotated[float, WithinRange(0, 1), SingleStep(0.05)] = 0.5
