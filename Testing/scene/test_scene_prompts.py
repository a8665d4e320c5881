"""Points that the user places become prompts."""

import numpy as np

from LungTumorSegLib.scene import prompts


def test_the_last_placed_point_counts_not_the_one_at_the_mouse(scene, ct):
    node = prompts.prompt_points(scene, ct)
    assert prompts.last_point(node) is None
    node.AddControlPointWorld(1.0, 2.0, 3.0)
    node.AddControlPointWorld(4.0, 5.0, 6.0)
    preview = node.AddControlPointWorld(7.0, 8.0, 9.0)
    node.SetNthControlPointPosition(preview, 7.0, 8.0, 9.0, node.PositionPreview)
    np.testing.assert_allclose(prompts.last_point(node), (-4.0, -5.0, 6.0))
    assert prompts.prompt_points(scene, ct) is node


def test_placing_a_point_is_told(scene, ct):
    node, heard = prompts.prompt_points(scene, ct), []
    node.AddObserver(prompts.PLACED, lambda *_: heard.append(prompts.last_point(node)))
    node.AddControlPointWorld(1.0, 2.0, 3.0)
    assert heard == [(-1.0, -2.0, 3.0)]
