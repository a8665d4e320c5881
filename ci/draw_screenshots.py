"""A result on the sample CT in Slicer's slice and 3D views, drawn off screen: Resources/Screenshots/*.png.

The views are Slicer's own displayable managers (slicer-core through trame-slicer), not Slicer's window. The probability
is the bundled model's, computed here by the worker; with --from-truth it is the sample's true mask, smoothed, which
shows how a result looks and says nothing about any model.
"""

import argparse
from pathlib import Path

import numpy as np
import slicer
from scipy.ndimage import gaussian_filter
from trame_slicer.core import SlicerApp
from trame_slicer.views import DirectViewFactory, NoScheduleRendering, ViewLayoutDefinition
from vtk import vtkImageData, vtkPNGWriter, vtkWindowToImageFilter
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from LungTumorSegLib.scene import segments, views
from LungTumorSegLib.scene.result import Result
from LungTumorSegLib.volume.box import Box
from LungTumorSegLib.volume.phantom import make_phantom

FOLDER = Path(__file__).resolve().parents[1] / "Resources" / "Screenshots"
SIZE = 520


def main(from_truth: bool) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    ct, truth, _tumours = make_phantom()
    box = probability_of_truth(truth) if from_truth else probability_of_model(ct)
    app = SlicerApp()
    panes = open_views(app)
    node = add_ct(app.scene, ct)
    views.show_ct(views.composite_nodes(app.scene), node)
    result = Result(app.scene, node)
    lesions = result.show(box, 0.5, 3.0)
    segments.show_surface(result.segmentation_node, True)
    for pane in panes:
        pane.fit_view_to_content()
    views.show_overlay(views.composite_nodes(app.scene), result.probability_node, 0.6)
    look_at(app.scene, panes, lesions[0])
    picture(panes, "result.png")
    segments.show_in_slices(result.segmentation_node, outline=True, fill=False)
    views.show_overlay(views.composite_nodes(app.scene), None, 0.0)
    picture(panes, "outlines.png")


def probability_of_truth(truth) -> Box:
    smooth = gaussian_filter((truth.voxels > 0).astype(np.float32), 1.2)
    smooth[smooth < 0.01] = 0
    places = [np.flatnonzero(smooth.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
    start, stop = [int(p[0]) for p in places], [int(p[-1]) + 1 for p in places]
    return Box(tuple(start), smooth[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))])


def probability_of_model(ct) -> Box:
    from LungTumorSegLib.inference.session import Session

    return Session().segment(ct, "automatic").probability


def open_views(app) -> list:
    app.view_manager.register_factory(DirectViewFactory(do_render_offscreen=True))
    makers = (
        ViewLayoutDefinition.axial_view(),
        ViewLayoutDefinition.threed_view(),
        ViewLayoutDefinition.coronal_view(),
        ViewLayoutDefinition.sagittal_view(),
    )
    panes = [app.view_manager.create_view(maker) for maker in makers]
    for pane in panes:
        pane.set_scheduled_render(NoScheduleRendering())  # else every event of the scene draws
        pane.render_window().SetOffScreenRendering(True)
        pane.render_window().SetMultiSamples(0)  # else translucent surfaces vanish
        pane.update_size(SIZE, SIZE)
    app.view_manager.set_current_view_ids([maker.singleton_tag for maker in makers])
    return panes


def add_ct(scene, ct):
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Sample CT")
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(ct.geometry.ijk_to_ras_matrix))
    slicer.util.updateVolumeFromArray(node, ct.voxels)
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().AutoWindowLevelOff()
    node.GetDisplayNode().SetWindowLevel(1400, -500)  # the usual lung window
    return node


def look_at(scene, panes, lesion) -> None:
    views.jump(views.slice_nodes(scene), lesion.centre_lps)
    for pane in panes:
        if hasattr(pane, "get_slice_value"):
            pane.zoom(0.4)
            views.jump([pane.get_view_node()], lesion.centre_lps)
        else:
            pane.set_background_color([20, 20, 30])
            pane.fit_view_to_content()
            pane.zoom(-0.7)  # out: room for the labels


def picture(panes, name: str) -> None:
    """The four panes, two by two, as one PNG."""
    shots = [shot(pane) for pane in panes]
    whole = np.vstack([np.hstack(shots[2:]), np.hstack(shots[:2])])  # VTK counts rows from the bottom
    image = vtkImageData()
    image.SetDimensions(whole.shape[1], whole.shape[0], 1)
    image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(whole).reshape(-1, 3), deep=True))
    writer = vtkPNGWriter()
    writer.SetInputData(image)
    writer.SetFileName(str(FOLDER / name))
    writer.Write()
    print(FOLDER / name)


def shot(pane) -> np.ndarray:
    pane.render()
    capture = vtkWindowToImageFilter()
    capture.SetInput(pane.render_window())
    capture.ReadFrontBufferOff()
    capture.Update()
    image = capture.GetOutput()
    width, height, _ = image.GetDimensions()
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, -1)[..., :3]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--from-truth", action="store_true", help="no model: the true mask, smoothed")
    main(parser.parse_args().from_truth)
