"""The composition root, with quick stand-ins for the stages: order, sizes, options, and what is left on disk."""

import importlib
import json
from types import SimpleNamespace

import av
import numpy as np
import pytest

import physim
from i2v import Clip, preview
from i2v.media.residual import add_residual
from i2v.models import registry
from physim.shot_file import ShotError

root = importlib.import_module("i2v.animate")
run = importlib.import_module("i2v.run")
SHOT = physim.Shot(photo="skimage:coffee.png", seconds=0.25, fps=24, seed=5, output={"width": 120, "height": 80})


class Stages:
    """Counts what is called; frames are flat and change with time."""

    def __init__(self):
        self.calls = []
        self.failing_frame = None

    def reconstruct(self, shot, *, depth=None, progress=None):
        self.calls.append("reconstruct")
        progress("reconstruct", 0.5)
        return SimpleNamespace(backdrop=SimpleNamespace(report={"fov": "default"}))

    def simulate(self, scene, *, seconds, fps, progress):
        self.calls.append("simulate")
        count = round(seconds * fps)
        progress("simulate", 1.0)
        report = SimpleNamespace(values={"energy_gain [J]": np.float64(1e-9)})
        return SimpleNamespace(frame_count=count, bodies={"a": 0}, contacts=np.zeros(3), report=report)

    def render(self, trajectory, size=None, progress=None):
        self.calls.append("render")
        return SimpleNamespace(frame_count=trajectory.frame_count, size=size)

    def Compositor(self, trajectory, size, *, motion_blur, fps):
        self.calls.append(("compositor", size, motion_blur, fps))

        failing = self.failing_frame

        class Frames:
            frame_count = round(trajectory.frame_count * fps / 24)

            def __init__(self):
                self.fps = fps

            def __iter__(self):
                for i in range(self.frame_count):
                    if i == failing:
                        raise KeyboardInterrupt
                    yield np.full((*size, 3), 0.1 + 0.1 * i * 24 / fps, np.float32)

        return Frames()

    def generate_residual(self, conditions, **options):
        self.calls.append(("generate", conditions.size, options.pop("callback_on_step_end") is not None, options))
        ramp = np.linspace(-0.05, 0.05, conditions.size[1], dtype=np.float32)
        return np.broadcast_to(ramp[None, None, :, None], (conditions.frame_count, *conditions.size, 3))


@pytest.fixture
def stages(monkeypatch):
    stand_in = Stages()
    monkeypatch.setattr(run, "physim", stand_in)
    monkeypatch.setattr(run, "generate_residual", stand_in.generate_residual)
    monkeypatch.setattr(root, "check", lambda model: None)
    return stand_in


def left_in(folder):
    return sorted(f.name for f in folder.iterdir())


def test_the_stages_run_in_order_with_what_the_shot_says(tmp_path, stages):
    heard = []
    spec = physim.shot.GenerateSpec(num_inference_steps=2, strength=0.7, size=64, regions={"smoke": 0.5})
    shot = SHOT.model_copy(update={"generate": spec})
    summary = root.animate(shot, tmp_path / "a.mp4", progress=lambda *x: heard.append(x))
    names = [call if isinstance(call, str) else call[0] for call in stages.calls]
    assert names == ["reconstruct", "simulate", "render", "generate", "compositor"]
    generate = stages.calls[3]
    assert generate[1] == (42, 64)  # the photo's 2:3 at 64, even
    assert generate[3] == {
        "model": "bundled", "seed": 5, "num_inference_steps": 2, "guidance_scale": 1.0, "strength": 0.7,
        "regions": {"smoke": 0.5}, "adapters": [],
    }  # fmt: skip
    assert stages.calls[4] == ("compositor", (80, 120), 0.5, 24)
    assert list(summary.stages) == ["reconstruct", "simulate", "render", "generate", "prepare", "compose"]
    assert ("reconstruct", 0.5) in heard and heard[-1] == ("compose", 1.0)


def test_the_video_its_ledger_and_its_resolved_shot_are_all_that_is_written(tmp_path, stages):
    summary = root.animate(SHOT, tmp_path / "a.mp4", report=tmp_path / "run.json")
    assert left_in(tmp_path) == ["a.ledger.json", "a.mp4", "a.shot.resolved.yaml", "run.json"]
    assert physim.Shot.load(summary.resolved_shot) == SHOT
    with av.open(str(summary.path)) as container:
        assert container.metadata["comment"] == summary.resolved_shot.read_text()
        assert container.streams.video[0].frames == 6 and container.streams.video[0].width == 120
    told = json.loads((tmp_path / "run.json").read_text())
    assert told["bodies"] == 1 and told["contacts"] == 3 and told["conservation"] == {"energy_gain [J]": 1e-9}
    assert told["size"] == [80, 120] and told["peak_memory"] > 1e7 and told["inferred"] == {"fov": "default"}
    assert "jax" in summary.resolved_shot.read_text()  # versions are noted


def test_the_residual_is_enlarged_and_added_to_the_frames_at_full_size(stages):
    clip = root.animate(SHOT.model_copy(update={"generate": physim.shot.GenerateSpec(size=60)}))
    assert isinstance(clip, Clip) and clip.size == (80, 120) and clip.frame_count == 6
    ramp = np.linspace(-0.05, 0.05, 60, dtype=np.float32)
    residual = np.broadcast_to(ramp[None, :, None], (40, 60, 3))
    expected = add_residual(np.full((80, 120, 3), 0.1, np.float32), residual)
    np.testing.assert_allclose(next(iter(clip)), expected, atol=1e-6)


def test_a_video_of_more_frames_asks_the_compositor_for_them_and_fades_the_residual(stages, monkeypatch):
    changing = np.arange(6, dtype=np.float32)[:, None, None, None] * np.full((6, 40, 60, 3), 0.01, np.float32)
    monkeypatch.setattr(run, "generate_residual", lambda conditions, **options: changing)
    clip = root.animate(SHOT.model_copy(update={"output": physim.shot.OutputSpec(width=120, height=80, fps=60)}))
    assert (clip.frame_count, clip.fps, clip.seconds) == (15, 60, 0.25)
    brightness = [frame.mean() for frame in clip]
    # 0.1 more per simulated frame from the picture, 0.01 from the residual, which has no seventh to fade to
    at = np.arange(15) * 24 / 60
    np.testing.assert_allclose(brightness, 0.1 + 0.1 * at + 0.01 * np.minimum(at, 5), atol=1e-6)


def test_without_a_model_neither_render_nor_network_run(tmp_path, stages):
    root.animate(SHOT, tmp_path / "a.mp4", model="none")
    assert stages.calls == ["reconstruct", "simulate", ("compositor", (80, 120), 0.5, 24)]


def test_options_replace_what_the_shot_says_and_are_recorded(tmp_path, stages):
    summary = root.animate(SHOT, tmp_path / "a.mp4", model="none", seed=9, seconds=0.5)
    again = physim.Shot.load(summary.resolved_shot)
    assert (again.seed, again.seconds, again.generate.model) == (9, 0.5, "none") and summary.frame_count == 12


def test_the_preview_is_small_and_needs_no_network(tmp_path, stages):
    summary = preview(physim.Shot(photo="skimage:coffee.png", seconds=0.1), tmp_path / "a.mp4", size=300)
    assert summary.size == (200, 300) and stages.calls[-1] == ("compositor", (200, 300), 0.0, 24)
    assert "render" not in stages.calls


def test_an_interruption_while_composing_leaves_nothing(tmp_path, stages):
    stages.failing_frame = 3
    with pytest.raises(KeyboardInterrupt):
        root.animate(SHOT, tmp_path / "a.mp4")
    assert left_in(tmp_path) == []


def test_a_wrong_model_or_output_costs_no_simulation(tmp_path, monkeypatch):
    stand_in = Stages()
    monkeypatch.setattr(run, "physim", stand_in)
    with pytest.raises(ValueError, match="Did you mean 'bundled'"):
        root.animate(SHOT, tmp_path / "a.mp4", model="bundeld")
    with pytest.raises(ValueError, match=r"ends in \.mp4"):
        root.animate(SHOT, tmp_path / "a.avi")
    with pytest.raises(ShotError, match="options  seconds: given 0"):
        root.animate(SHOT, tmp_path / "a.mp4", seconds=0)
    assert stand_in.calls == [] and left_in(tmp_path) == []


def test_the_resolved_shot_never_replaces_the_shot_it_came_from(tmp_path, stages):
    source = SHOT.save(tmp_path / "a.shot.resolved.yaml")
    with pytest.raises(ValueError, match="would overwrite the shot file"):
        root.animate(source, tmp_path / "a.mp4")


@pytest.mark.parametrize(
    ("photo", "longer", "video", "expected"),
    [
        ((400, 600), 320, (400, 600), (214, 320)),
        ((600, 400), 320, (600, 400), (320, 214)),
        ((400, 600), 320, (100, 150), (100, 150)),  # never finer than the video
        ((100, 100), 320, (100, 100), (100, 100)),
    ],
)
def test_the_model_works_at_an_even_size_of_the_photos_shape(photo, longer, video, expected):
    assert root.model_size(photo, longer, video) == expected


FALLING_SUGAR = """
photo: skimage:coffee.png
hints: {camera: {circle: {ellipse: [275.5, 223.6, 201.5, 166.1, 8.9], diameter: 0.125}, fov: 30}}
things:
  - {name: sugar, shape: {box: [0.016, 0.016, 0.016]}, at: [0.0, 0.03, -0.2], rigid: {material: sugar}}
seconds: 0.25
output: {width: 240}
"""


def test_the_real_stages_make_the_same_video_twice(tmp_path):
    """A photo, a sugar cube in the air, a quarter of a second: it falls as far as it should, and again to the byte."""
    (tmp_path / "shot.yaml").write_text(FALLING_SUGAR)
    first = root.animate(tmp_path / "shot.yaml", tmp_path / "a.mp4", model="none")
    assert (first.size, first.frame_count, first.bodies) == ((160, 240), 6, 1) and first.contacts > 0
    again = root.animate(first.resolved_shot, tmp_path / "b.mp4")
    assert again.path.read_bytes() == first.path.read_bytes()
    with av.open(str(first.path)) as container:
        frames = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]).astype(float)
    moved = np.abs(frames[-1] - frames[0]).max(-1) > 40  # above what H.264 leaves of still pixels
    assert 0.002 < moved.mean() < 0.2  # the cube and its shadow, where it was and where it is; nothing else


def test_a_model_sees_the_real_conditions_and_changes_the_real_frames(tmp_path, monkeypatch):
    seen = {}

    def brighter(conditions, **options):
        seen.update(options, size=conditions.size, moving=float(np.abs(conditions.flow).max()))
        return np.full(conditions.coarse.shape, 0.1, np.float32)

    monkeypatch.setitem(registry._loaders, "brighter", lambda: brighter)
    (tmp_path / "shot.yaml").write_text(FALLING_SUGAR)
    plain = root.animate(tmp_path / "shot.yaml", model="none", seconds=0.125)
    painted = root.animate(tmp_path / "shot.yaml", model="brighter", seconds=0.125)
    assert seen["size"] == (160, 240) and seen["seed"] == 0 and seen["moving"] > 0.5
    for before, after in zip(plain, painted, strict=True):
        np.testing.assert_allclose(after, np.clip(before + 0.1, 0, 1), atol=1e-5)


def test_a_page_is_refused_before_any_work(stages, tmp_path):
    with pytest.raises(ValueError, match="ends in"):
        root.preview_page(SHOT, tmp_path / "a.mp4")
    assert stages.calls == []
