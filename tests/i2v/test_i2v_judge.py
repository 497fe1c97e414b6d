"""The judge: every fault of a thrown ball is flagged, a correct clip with other noise is not, and what it prints."""

import functools
import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from thrown_ball import FPS, conditions, faults

import i2v
from i2v.cli import main
from i2v.metrics.judge import judge, perturbed
from i2v.metrics.laws import _Flight
from i2v.metrics.limits import RULES, metric
from i2v.metrics.signals import Signals

TRUTH = conditions()
FAULTS = faults()
SEES = {
    "half gravity": {"gravity:ball", "mask-iou", "warping-error"},
    "double gravity": {"gravity:ball", "mask-iou"},
    "no bounce": {"restitution:ball", "mask-iou"},
    "static": {"gravity:ball", "mask-iou", "flow-error"},
    "reversed": {"mask-iou", "warping-error"},
    "two frames late": {"mask-iou", "warping-error"},
    "colour": {"colour"},
    "flicker": {"flicker"},
    "vanishes": {"missing", "area"},
    "added": {"intruder"},
    "drift": {"drift"},
}
"""What must flag each fault; other metrics may too."""


def levels(video):
    return np.clip(np.rint(255 * video), 0, 255).astype(np.uint8)


def shown(video, *, noise=2.0, crf=23, seed=9):
    return perturbed(levels(video), noise, FPS, seed=seed, crf=crf)


@pytest.fixture(scope="module")
def correct():
    return judge(shown(TRUTH.coarse), conditions=TRUTH, fps=FPS)


@pytest.mark.parametrize(("noise", "crf", "seed"), [(1.0, 18, 1), (4.0, 23, 2), (4.0, 28, 3)])
def test_a_correct_clip_with_other_noise_and_encoding_is_not_flagged(noise, crf, seed):
    report = judge(shown(TRUTH.coarse, noise=noise, crf=crf, seed=seed), conditions=TRUTH, fps=FPS)
    assert report.passed, report.table()


@functools.cache
def judged(fault):
    return judge(shown(FAULTS[fault]), conditions=TRUTH, fps=FPS)


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_flagged_by_what_should_see_it(name):
    report = judged(name)
    assert SEES[name] <= set(report.faults), report.table()


def test_gravity_and_restitution_are_read_from_the_pixels(correct):
    assert correct["gravity:ball"].value < 3 and correct["restitution:ball"].value < 0.02  # per cent; of 0.7
    assert judged("half gravity")["gravity:ball"].value == pytest.approx(50, abs=2)


def test_each_number_stands_beside_its_floor_and_that_of_a_still_picture(correct):
    row = correct["flow-error"]
    assert row.floor is not None and row.still is not None and row.floor < row.limit < row.still
    assert correct["iq-verified"].still < 10 < 80 < correct["iq-verified"].value
    assert {m.name.partition(":")[0] for m in correct.metrics} <= set(RULES)


def test_a_video_that_ends_early_is_flagged_for_that_alone():
    report = judge(shown(TRUTH.coarse)[:-4], conditions=TRUTH, fps=FPS)
    assert report.faults == ("too-short",) and report["too-short"].value == 4, report.table()


def test_a_metric_that_a_still_picture_passes_is_blind():
    assert metric("flow-error", 0.1, 0.1, 0.2).verdict == "blind"
    assert (
        metric("flow-error", 0.1, 0.1, 9.0).verdict == "pass" and metric("flow-error", 5.0, 0.1, 9.0).verdict == "fail"
    )
    assert metric("flow-error", float("nan"), 0.1, 9.0).verdict == metric("iq-mse", 1.0, 1.0, 1.0).verdict == "told"
    assert metric("mask-iou", 0.5, 0.9, 0.1).verdict == "fail" and metric("mask-iou", 0.86, 0.9, 0.1).verdict == "pass"


def test_the_report_is_a_table_json_and_plots(correct, tmp_path):
    text = correct.table()
    assert "mask-iou" in text and "still" in text and text.rstrip().splitlines()[-1].startswith("ok")
    data = json.loads(correct.to_json())
    assert data["passed"] and {m["name"] for m in data["metrics"]} == {m.name for m in correct.metrics}
    assert len(data["series"]["mask-iou"]) == correct.frame_count
    picture = Image.open(correct.save_plots(tmp_path / "a.png"))
    assert picture.width == 1260 and len(np.unique(np.asarray(picture).reshape(-1, 3), axis=0)) > 100
    page = correct.save_plots(tmp_path / "a.html").read_text()
    assert "base64" in page and "gravity:ball" in page and "<script" not in page
    with pytest.raises(ValueError, match="png or"):
        correct.save_plots(tmp_path / "a.jpg")
    with pytest.raises(KeyError, match="no metric 'speed'"):
        correct["speed"]


def test_a_video_is_judged_against_a_film_too():
    film = shown(TRUTH.coarse, seed=4)
    good = i2v.judge(shown(TRUTH.coarse, seed=5), reference=film, second_take=shown(TRUTH.coarse, seed=6), fps=FPS)
    bad = i2v.judge(shown(FAULTS["half gravity"]), reference=film, fps=FPS)
    assert good.passed and good["iq-original"].value > 90 and good.against == ("reference",)
    assert {"mask-iou", "path-error"} <= set(bad.faults) and bad["iq-original"].value < 60


def test_without_a_truth_only_steadiness_is_told():
    steady = i2v.judge(shown(TRUTH.coarse), fps=FPS)
    assert steady.passed and {m.group for m in steady.metrics} == {"steadiness"}
    assert "flicker" in i2v.judge(shown(FAULTS["flicker"]), fps=FPS).faults


def painted(levels_more, where):
    """The true clip, brighter by so many levels where it says (T, H, W)."""
    return np.clip(TRUTH.coarse + (levels_more / 255.0) * np.asarray(where)[..., None], 0, 1)


def test_a_painter_may_guess_what_the_photo_does_not_show_but_not_the_rest():
    hole = TRUTH.hole > 0
    elsewhere = np.roll(hole, 30, axis=2)  # as large, as often, beside it
    assert hole.any() and not (elsewhere & hole).any()
    guessed = judge(shown(painted(35, hole)), conditions=TRUTH, fps=FPS)
    assert guessed.passed, guessed.table()
    wrong = judge(shown(painted(60, elsewhere)), conditions=TRUTH, fps=FPS)
    assert {"path-error", "intruder"} <= set(wrong.faults), wrong.table()
    far = judge(shown(painted(90, hole)), conditions=TRUTH, fps=FPS)  # a thing has stayed behind, as it were
    assert {"gmsd", "ms-ssim"} <= set(far.faults), far.table()


def test_a_clip_of_the_bundled_model_is_not_flagged_and_its_faults_are():
    clip = i2v.generate(TRUTH, model="bundled", seed=0, regions={"hole": 1})  # shut by default
    frames = clip.frames if isinstance(clip.frames, np.ndarray) else np.stack(list(clip.frames))
    painted_by_model = np.abs(frames - TRUTH.coarse).max(axis=-1)
    assert painted_by_model[TRUTH.hole > 0].max() > 5 / 255  # it did paint
    good = judge(shown(frames), conditions=TRUTH, fps=FPS)
    assert good.passed, good.table()
    late = judge(shown(np.concatenate([frames[:1], frames[:1], frames[:-2]])), conditions=TRUTH, fps=FPS)
    assert SEES["two frames late"] <= set(late.faults), late.table()


def test_a_file_of_conditions_gives_the_signals_of_the_conditions(tmp_path):
    here, there = Signals.of(TRUTH), Signals.of(TRUTH.save(tmp_path / "toy.npz"))
    for name in ("coarse", "flow", "source_uv", "ids", "lost", "gas", "wet", "shaded"):
        assert np.array_equal(getattr(here, name), getattr(there, name), equal_nan=name == "source_uv"), name
    assert there.names == {1: "ball"} and there.fps == FPS and there.still_camera


def test_the_command_prints_the_table_and_says_by_its_exit_code_whether_all_is_well(tmp_path, capsys):
    npz = TRUTH.save(tmp_path / "toy.npz")
    for name, video, code in (("good", TRUTH.coarse, 0), ("bad", FAULTS["static"], 1)):
        path_ = i2v.Clip(levels(video), FPS).save(tmp_path / f"{name}.mp4")
        assert main(["judge", str(path_), "--conditions", str(npz), "--plots", str(tmp_path / "p.png")]) == code
        out = capsys.readouterr().out
        assert ("FAIL: " in out.splitlines()[-1]) == bool(code)
    assert main(["judge", str(tmp_path / "good.mp4"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["against"] == []
    assert main(["judge", str(npz)]) == 2 and "expected a video" in capsys.readouterr().err
    assert main(["judge", str(path_), "--second-take", str(path_)]) == 2


def test_a_sweep_puts_the_judge_s_numbers_in_its_table(tmp_path):
    import physim

    made = {
        "photo": "skimage:coffee.png", "hints": {"camera": {"pitch": 40, "height": 0.4, "fov": 40}}, "settle": False,
        "things": [{"name": "ball", "shape": {"sphere": 0.03}, "at": [0, 0.12, -0.5], "rigid": {}}],
        "output": {"width": 96, "height": 64}, "generate": {"model": "none", "size": 96}, "seconds": 0.25, "fps": 12,
    }  # fmt: skip
    shot = physim.Shot(**made)
    table = i2v.sweep(shot, physim.plan(shot, "seed=1"), tmp_path / "out", level="judged")
    assert not table.failed, [run.error for run in table.failed]
    assert max(table.column("judge.faults")) == 0 and min(table.column("judge.mask-iou")) > 0.7
    assert len(list((tmp_path / "out").rglob("judge.html"))) == 1


def test_what_comes_after_the_tracker_lost_the_thing_in_the_correct_clip_is_not_told():
    flight = object.__new__(_Flight)
    flight.true, flight.radius = np.linspace(2.0, 0.0, 20), np.full(20, 0.1)
    flight.gravity = SimpleNamespace(frames=(0, 11))
    correct = flight.true.copy()
    correct[4] = np.nan  # missing for a frame
    correct[6:8] += 0.2  # off for two: found again
    assert flight.told(correct).all() and flight.told_of(flight.told(correct))
    correct[9:] = 0.0  # a shadow, from then on
    assert flight.told(correct).tolist() == [True] * 9 + [False] * 11
    assert flight.told_of(flight.told(correct))
    correct[6:] = 0.0
    assert not flight.told_of(flight.told(correct)), "six frames of flight are too few"
