"""What is heard of liquids, cloth, wind and gas: from tracks made by hand."""

import numpy as np
import pytest

import physim
from i2v.media.sound import RATE, Mix, pressure
from physim.listen import listen
from physim.trajectory import (
    CONTACT_DTYPE,
    SPLASH_DTYPE,
    ClothTrack,
    ConservationReport,
    LakeTrack,
    Trajectory,
)

FPS, SECONDS = 24, 1.0


def trajectory(scene, **tracks):
    contacts = tracks.pop("contacts", np.zeros(0, CONTACT_DTYPE))
    return Trajectory(scene, FPS, SECONDS, {}, {}, contacts, ConservationReport(), **tracks)


def flag(amplitude):
    """A sheet of one square metre that waves 3 times a second across its plane."""
    sheet = physim.Sheet(size=(1, 1), cells=(8, 8))
    times = np.arange(FPS * 8 + 1) / (FPS * 8)
    wave = 2 * np.pi * (sheet.rest[None, :, 0] - 3 * times[:, None])
    flat = [np.broadcast_to(sheet.rest[:, k], wave.shape) for k in range(2)]
    position = np.stack([*flat, amplitude * np.sin(wave)], -1)
    velocity = np.zeros_like(position)
    velocity[..., 2] = -2 * np.pi * 3 * amplitude * np.cos(wave)
    return ClothTrack(8, FPS, position.astype(np.float32), sheet.faces, sheet.rest, velocity.astype(np.float32))


def level(audible, stem):
    values = pressure(audible, Mix(tone=0), count=RATE, rate=RATE)[stem]
    return np.sqrt(np.mean(values**2))


def test_a_flag_that_waves_harder_rustles_louder_by_the_cube_of_its_speed():
    levels = []
    for amplitude in (0.02, 0.04):
        audible = listen(trajectory(physim.Scene(), cloths={"flag": flag(amplitude)}))
        (current,) = audible.currents
        assert current.kind == "cloth" and current.area == pytest.approx(1.0, rel=0.05)
        expected = 2 * np.pi * 3 * amplitude / np.sqrt(2)
        assert current.speed.mean() == pytest.approx(expected, rel=0.25)  # faces are few, and turn with the wave
        levels.append(level(audible, "air"))
    assert 20 * np.log10(levels[1] / levels[0]) == pytest.approx(30 * np.log10(2), abs=2.0)


def test_wind_is_heard_as_strong_as_it_blows():
    scene = physim.Scene()
    scene.add(physim.Wind(velocity=(8.0, 0, 0), gust=0.3))
    (current,) = listen(trajectory(scene)).currents
    assert current.kind == "wind"
    assert current.speed == pytest.approx([np.linalg.norm(scene.wind_at(t)) for t in np.arange(193) / 192])


def test_a_jet_hisses_while_it_blows_and_steam_of_a_cup_does_not():
    scene = physim.Scene()
    jet = physim.Emitter(centre=(0, 1, -1), radius=0.005, velocity=(0, 120.0, 0), start=0.25, end=0.5)
    scene.add(jet, physim.Smoke("steam"), name="valve")
    stem = pressure(listen(trajectory(scene)), Mix(tone=0), count=RATE, rate=RATE)["air"]
    on, off = (np.abs(stem[a:b]).max() for a, b in ((15_000, 23_000), (26_000, 48_000)))
    assert on > 1e-3 and off < 1e-3 * on
    calm = physim.Scene()
    calm.add(physim.Emitter(radius=0.03, velocity=(0, 0.2, 0)), physim.Smoke("steam"), name="cup")
    assert level(listen(trajectory(calm)), "air") < 1e-8  # far below the threshold of hearing, 2e-5


def test_splashes_come_from_where_they_are_with_their_air():
    splashes = np.zeros(2, SPLASH_DTYPE)
    splashes["time"], splashes["energy"], splashes["air"] = [0.2, 0.6], [0.1, 0.0], [1e-6, 0.0]
    splashes["point"], splashes["body"] = (1, 0, -2), "stone"
    audible = listen(trajectory(physim.Scene(), splashes=splashes))
    (splash,) = audible.splashes  # one without energy or air is none
    assert (splash.time, splash.energy, splash.air) == (0.2, 0.1, 1e-6)
    stem = pressure(audible, Mix(tone=0), count=RATE, rate=RATE)["water"]
    first = np.argmax(np.abs(stem).max(axis=1) > 0) / RATE
    assert first == pytest.approx(0.2, abs=1e-3)
    assert np.abs(stem[:, 1]).max() > 1.5 * np.abs(stem[:, 0]).max()  # it is on the right


def test_blows_under_a_lake_are_not_heard():
    lake = LakeTrack(
        "lake", FPS, (-5.0, -5.0), 1.0, 0.0, np.full((10, 10), -2.0), np.zeros((25, 10, 10), np.float32),
        np.zeros((25, 10, 10, 2), np.float16),
    )  # fmt: skip
    scene = physim.Scene()
    scene.add(physim.Plane(), physim.Static("stone"), name="bed")
    scene.add(physim.Sphere(0.1), physim.Rigid("stone"), name="ball")
    contacts = np.zeros(2, CONTACT_DTYPE)
    contacts["time"], contacts["impulse"], contacts["approach_speed"] = [0.1, 0.2], 1.0, 1.0
    contacts["body_a"], contacts["body_b"] = "bed", "ball"
    contacts["material_a"] = contacts["material_b"] = "stone"
    contacts["normal"] = (0, 1, 0)
    contacts["point"][:, 1] = [-1.0, 0.5]
    audible = listen(trajectory(scene, contacts=contacts, lakes={"lake": lake}))
    assert {strike.time for strike in audible.strikes} == {0.2}


def test_blows_of_liquid_on_liquid_do_not_tick_with_the_frames():
    splashes = np.zeros(40, SPLASH_DTYPE)
    splashes["time"], splashes["energy"] = 0.5, 0.01
    times = np.sort([s.time for s in listen(trajectory(physim.Scene(), splashes=splashes)).splashes])
    assert 0.5 - 1 / FPS <= times[0] and times[-1] <= 0.5
    assert np.diff(times).max() < 3 / 40 / FPS  # golden-ratio gaps have three lengths, none longer than this
