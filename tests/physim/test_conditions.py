"""Conditions: what does not fit together is refused, and a file gives back what was saved."""

from dataclasses import fields, replace

import numpy as np
import pytest

from physim.conditions import EVENT_DTYPE, Conditions


# fmt: off
def make(t=3, h=4, w=5) -> Conditions:
    rng = np.random.default_rng(0)

    def f(*shape):
        return rng.random(shape, dtype=np.float32)

    uv = f(t, h, w, 2)
    uv[0, 0, 0] = np.nan
    return Conditions(
        image=f(h, w, 3), flow=f(t, h, w, 2), flow_backward=f(t, h, w, 2), occlusion=f(t, h, w),
        disocclusion=f(t, h, w),
        source_uv=uv, hole=f(t, h, w), depth=f(t, h, w), ids=np.ones((t, h, w), np.uint16), coarse=f(t, h, w, 3),
        shadow=f(t, h, w), smoke=f(t, h, w, 2), smoke_flow=f(t, h, w, 2), liquid=f(t, h, w, 4),
        intrinsics=np.tile(np.eye(3), (t, 1, 1)), world_from_camera=np.tile(np.eye(4), (t, 1, 1)), fps=24.0,
        events=np.zeros(2, EVENT_DTYPE), meta={"names": {"1": "cube"}},
    )
# fmt: on


def test_a_file_gives_back_every_array_bit_for_bit(tmp_path):
    conditions = make()
    loaded = Conditions.load(conditions.save(tmp_path / "c.npz"))
    for field in fields(Conditions):
        a, b = getattr(conditions, field.name), getattr(loaded, field.name)
        if isinstance(a, np.ndarray):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)
        else:
            assert a == b
    assert [p.name for p in tmp_path.iterdir()] == ["c.npz"], "no temporary file stays"


def test_signals_of_different_grids_are_refused_with_both_shapes():
    with pytest.raises(ValueError, match=r"conditions\.flow has shape \(3, 4, 6, 2\), expected \(3, 4, 5, 2\)"):
        replace(make(), flow=np.zeros((3, 4, 6, 2), np.float32))


def test_a_simulation_that_blew_up_is_named_with_its_frame():
    flow = np.zeros((3, 4, 5, 2), np.float32)
    flow[1, 2, 3, 0] = np.nan
    with pytest.raises(ValueError, match="flow is not finite, first at index 1"):
        replace(make(), flow=flow)


def test_source_uv_may_be_nan_because_added_things_are_not_in_the_photo():
    assert np.isnan(make().source_uv[0, 0, 0]).all()


def test_another_file_is_refused(tmp_path):
    np.savez(tmp_path / "x.npz", a=1)
    with pytest.raises(ValueError, match="schema"):
        Conditions.load(tmp_path / "x.npz")
