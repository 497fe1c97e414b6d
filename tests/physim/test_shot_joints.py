"""Joints, paths and compounds of a shot file: what they become, and what is said about mistakes."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from physim.compound import Compound
from physim.joints import BallJoint, DistanceJoint, FixedJoint, HingeJoint, Spring, String
from physim.materials import Kinematic
from physim.reconstruct import reconstruct
from physim.shot import Shot
from physim.shot_file import ShotError, load, save
from physim.simulate import simulate

WRECKING = """
photo: photo.png
hints: {camera: {fov: 50, pitch: 10, height: 1.5}}
things:
  - {name: ball, shape: {sphere: 0.2}, at: [-1.5, 2.5, -4], rigid: {material: iron, rolling_resistance: 0.01}}
  - {name: wall, shape: {box: [0.2, 0.5, 0.6]}, at: [0, 0.25, -4], rigid: {material: concrete, static_friction: 0.8}}
  - {name: crane, shape: {box: [0.1, 0.1, 0.1]}, at: [0, 2.6, -4], static: {material: steel}}
  - name: cart
    shape: {box: [0.4, 0.1, 0.4]}
    at: [2, 0.05, -4]
    kinematic: {material: steel, motion: [{time: 0}, {time: 1, offset: [0.5, 0, 0], turn: [0, 90, 0]}]}
  - {name: belt, shape: {box: [1, 0.1, 0.4]}, at: [3, 0.05, -4], velocity: [1, 0, 0], kinematic: {}}
  - name: hammer
    shape:
      compound:
        - {capsule: [0.02, 0.3]}
        - {box: [0.2, 0.1, 0.1], at: [0, 0.2, 0], rotation: [0, 90, 0], density: 8}
    at: [1, 1, -4]
    rigid: {material: wood}
joints:
  - {string: {body: ball, to: [0, 2.5, -4]}}
  - {hinge: {body: hammer, at: [1, 0.8, -4], axis: [0, 0, 2], limits: [-30, 60], friction: 0.1}}
  - {spring: {body: wall, other: crane, stiffness: 20, damping: 1}}
  - {distance: {body: ball, other: wall, at: [-1.5, 2.5, -4], to: [0, 0.25, -4]}}
  - {ball: {body: hammer, at: [1, 0.8, -4], other: ground}}
  - {fixed: {body: wall, other: cart, collide: true}}
seconds: 0.5
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    Image.fromarray(np.full((48, 64, 3), 128, np.uint8)).save(tmp_path / "photo.png")
    return tmp_path


def written(folder: Path, text: str) -> Path:
    (folder / "shot.yaml").write_text(text)
    return folder / "shot.yaml"


def test_joints_of_the_file_become_joints_of_the_scene(folder):
    scene = reconstruct(written(folder, WRECKING))
    string, hinge, spring, rod, ball, fixed = scene.joints
    assert type(string) is String and string.at == scene["ball"].position and string.to == (0, 2.5, -4)
    assert isinstance(hinge, HingeJoint) and hinge.limits == pytest.approx((-np.pi / 6, np.pi / 3))
    assert isinstance(spring, Spring) and spring.to == scene["crane"].position and spring.damping == 1
    assert type(rod) is DistanceJoint and rod.other == "wall" and rod.collide
    assert ball == BallJoint("hammer", (1, 0.8, -4), "ground")
    assert fixed == FixedJoint("wall", "cart", True)
    assert scene["ball"].material.rolling_resistance == 0.01
    assert scene["wall"].material.static_friction == 0.8


def test_a_path_of_the_file_moves_the_thing_in_radians_and_metres(folder):
    scene = reconstruct(written(folder, WRECKING))
    cart = scene["cart"].material
    assert isinstance(cart, Kinematic)
    offset, turn = cart.motion.at(1.0)
    np.testing.assert_allclose(offset, [0.5, 0, 0])
    np.testing.assert_allclose(turn, [0, np.pi / 2, 0])
    assert scene["belt"].velocity == (1, 0, 0) and scene["belt"].material.motion is None


def test_a_compound_of_the_file_has_its_centre_where_the_thing_is(folder):
    hammer = reconstruct(written(folder, WRECKING))["hammer"]
    assert isinstance(hammer.shape, Compound) and hammer.position == (1, 1, -4)
    head = 8 * 0.2 * 0.1 * 0.1
    handle = np.pi * 0.02**2 * (0.3 + 4 / 3 * 0.02)
    assert hammer.shape.offset[1] == pytest.approx(0.2 * head / (head + handle))
    assert hammer.mass == pytest.approx(650 * (head + handle))


def test_wrecking_ball_of_the_file_swings_into_the_wall(folder):
    text = WRECKING.split("  - {hinge")[0].replace("at: [0, 0.25, -4]", "at: [0.1, 1.0, -4]")
    text = text.replace("box: [0.2, 0.5, 0.6]", "box: [0.2, 2.0, 0.6]").replace("[0, 2.6, -4]", "[0, 2.8, -4]")
    trajectory = simulate(reconstruct(written(folder, text)), seconds=1.0, fps=24)
    ball = trajectory["ball"].dense_position - [0, 2.5, -4]
    assert np.linalg.norm(ball, axis=1).max() < 1.5 + 1e-6
    assert {"ball", "wall"} in [{e["body_a"], e["body_b"]} for e in trajectory.contacts]
    assert trajectory["wall"].position[-1, 0] > 0.15


def test_what_is_saved_with_joints_is_read_back_the_same(folder):
    shot = load(written(folder, WRECKING))
    for suffix in (".yaml", ".json", ".toml"):
        assert Shot.load(save(shot, folder / f"again{suffix}")) == shot


@pytest.mark.parametrize(
    ("old", "new", "field", "sentence"),
    [
        ("{body: ball, to:", "{body: bal, to:", "joints[0].string.body", "Did you mean `ball`"),
        ("other: crane, stiff", "other: crone, stiff", "joints[2].spring.other", "Did you mean `crane`"),
        ("string: {body: ball", "string: {body: crane", "joints[0].string.body", "does not give way"),
        ("body: wall, other: cart", "body: wall, other: wall", "joints[5].fixed.other", "which is `body` too"),
        ("{body: ball, to: [0, 2.5, -4]}", "{body: ball}", "joints[0].string", "give `to`, or `other`"),
        ("axis: [0, 0, 2]", "axis: [0, 0, 0]", "joints[1].hinge", "expected a direction"),
        ("limits: [-30, 60]", "limits: [30, 60]", "joints[1].hinge", "low <= 0 <= high"),
        ("{fixed: {body: wall, other: cart, collide: true}}", "{}", "joints[5]", "give exactly one of ball, hinge"),
        ("stiffness: 20", "stifness: 20", "joints[2].spring.stifness", "stiffness"),
        ("{time: 1, off", "{time: 0, off", "things[3].kinematic", "must grow"),
        ("static_friction: 0.8", "static_friction: 0.1", "things[1].rigid.static_friction", "at least the friction"),
        ("{capsule: [0.02, 0.3]}", "{}", "things[5].shape.compound[0]", "exactly one of box, sphere"),
        ("kinematic: {}}", "kinematic: {material: steal}}", "things[4].kinematic.material", "Did you mean `steel`"),
    ],
)  # fmt: skip
def test_each_mistake_is_explained_with_its_line(folder, old, new, field, sentence):
    assert WRECKING.count(old) == 1
    with pytest.raises(ShotError) as caught:
        load(written(folder, WRECKING.replace(old, new)))
    problems = [p for p in caught.value.problems if str(p.field) == field or field in str(p)]
    assert problems and sentence in str(problems[0]), str(caught.value)
    assert "shot.yaml:" in str(problems[0])
