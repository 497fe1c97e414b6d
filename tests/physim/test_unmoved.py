"""Photos in which nothing happens: things are cut out, lifted and simulated at rest, and every frame is the photo."""

import numpy as np
import pytest

import physim
from physim.compositor import Compositor
from physim.render import model_size
from physim.shot import Shot

RIGID = dict(rigid={"material": "wood"})
HELD = dict(kinematic={"material": "steel", "motion": [{"time": 0.0}]})
"""Of what stands on nothing that the photo shows."""
CUP = [[173, 105], [182, 170], [210, 232], [243, 280], [285, 286], [330, 268], [372, 230], [396, 175], [408, 112],
       [390, 63], [340, 28], [270, 18], [205, 50]]  # fmt: skip
SHOTS = {
    "coins": dict(
        photo="skimage:coins.png", hints={"camera": {"fov": 15.84, "pitch": 90, "height": 0.6}},
        things=[
            dict(name="left", select={"ellipse": [44.5, 55, 22, 19.5, 0]}, lift={"kind": "cylinder", "height": 0.003}),
            dict(name="right", select={"ellipse": [347, 187, 32.5, 31.5, 0]},
                 lift={"kind": "cylinder", "height": 0.003}),
        ],
    ),
    "coffee": dict(
        photo="skimage:coffee.png", hints={"camera": {"fov": 30, "pitch": 56.5, "height": 0.294}},
        things=[dict(name="cup", select={"polygon": CUP}, lift={"kind": "cylinder"})],
    ),
    "rocket": dict(
        photo="skimage:rocket.jpg", hints={"camera": {"fov": 30, "horizon": 0.972, "height": 2.0}, "wall": 400},
        things=[dict(name="rocket", select={"polygon": [[315, 105], [322, 100], [330, 105], [332, 380], [313, 380]]},
                     lift={"kind": "card", "depth": 292}, **HELD)],
    ),
    "astronaut": dict(
        photo="skimage:astronaut.png", hints={"camera": {"fov": 25, "pitch": 5, "height": 1.5}, "wall": 3.5},
        things=[dict(name="helmet", select={"ellipse": [390, 440, 105, 92, 0]}, lift={"kind": "sphere"}, **HELD)],
    ),
    "chelsea": dict(
        photo="skimage:chelsea.png", hints={"camera": {"fov": 30, "pitch": 30, "height": 0.4}},
        things=[dict(name="nose", select={"ellipse": [232, 180, 30, 22, 0]}, lift={"kind": "box"})],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SHOTS)
def test_what_rests_leaves_every_frame_the_photo_and_the_flow_nought(name):
    """At least 35 dB to the photo, over the picture and over the boxes of the things; flow of exactly nought."""
    data = SHOTS[name]
    things = [t if "kinematic" in t else t | RIGID for t in data["things"]]
    scene = physim.reconstruct(Shot(**data | dict(things=things), seconds=0.5))
    assert scene.backdrop.hole.any(), "the thing is taken out, so that frames have something to put back"
    trajectory = physim.simulate(scene, seconds=0.5, fps=24)
    photo, frames = scene.backdrop.photo, list(Compositor(trajectory))
    v, u = (np.flatnonzero(scene.backdrop.hole.any(axis=axis)) for axis in (1, 0))
    box = np.s_[v[0] : v[-1] + 1, u[0] : u[-1] + 1]
    for frame in frames:
        for part in (np.s_[:], box):
            error = float(np.mean((frame[part].astype(np.float64) - photo[part]) ** 2))
            assert error <= 10**-3.5, f"{-10 * np.log10(error):.1f} dB"
    conditions = physim.render(trajectory, model_size(photo.shape[:2], 200))
    assert not conditions.flow.any() and not conditions.flow_backward.any()
    assert not conditions.occlusion.any() and not conditions.disocclusion.any()
