"""Sound in the finished file: in time, in every container, told apart by ear, faster than it plays."""

import time

import av
import numpy as np
import pytest

import physim
from i2v.media.sound import RATE, Mix, pressure, synthesize
from i2v.media.sound_file import write_wav
from i2v.media.soundtrack import mix_of, soundtrack, write_stems
from i2v.media.video import VideoWriter
from physim import modal
from physim.audible import Audible, Resonator, Strike
from physim.elastic import ELASTIC, contact_time
from physim.listen import listen
from physim.materials import SOLIDS
from physim.modal import modes
from physim.shapes import Box, Cylinder
from physim.shot import AudioSpec

SIZE = (64, 96)
HEIGHT = 0.3


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PHYSIM_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(modal, "_KEPT", {})
        yield


@pytest.fixture(scope="module")
def dropped():
    """A steel ball that falls on wood; what can be heard of it."""
    scene = physim.Scene()
    scene.add(physim.Plane(), physim.Static("stone"))
    scene.add(physim.Sphere(0.02), physim.Rigid("steel"), name="ball", position=(0, HEIGHT + 0.02, -1))
    return listen(physim.simulate(scene, seconds=0.5, fps=24))


def sound_in(path):
    """(channels, N) and the time of the first sample [s], as a player presents it."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    parts = [f.to_ndarray() for f in frames]
    joined = np.concatenate([p if p.shape[0] == 2 else p.reshape(-1, 2).T for p in parts], axis=1).astype(float)
    scale = 1.0 if parts[0].dtype.kind == "f" else float(np.iinfo(parts[0].dtype).max)
    return joined / scale, frames[0].time


def onset(samples, rate=RATE):
    """Time of the first sample above a twentieth of the peak [s]."""
    level = np.abs(samples).max(axis=0)
    return np.argmax(level > 0.05 * level.max()) / rate


@pytest.mark.parametrize(
    ("preset", "suffix", "codec"), [("web", "mp4", "aac"), ("web", "mp4", "flac"), ("prores", "mov", "pcm")]
)
def test_the_blow_is_heard_in_the_file_within_a_millisecond(tmp_path, dropped, preset, suffix, codec):
    """Free fall: t = sqrt(2 h / g). AAC begins with samples of its own, which the file's edit list takes off."""
    sound = synthesize(dropped, Mix(tone=0), seconds=0.5)
    wav = write_wav(tmp_path / "a.wav", sound.samples, sound.rate)
    path = tmp_path / f"a.{suffix}"
    with VideoWriter(path, SIZE, 24, preset=preset, audio=wav, audio_codec=codec) as writer:
        for _ in range(12):
            writer.write(np.zeros((*SIZE, 3), np.uint8))
    samples, start = sound_in(path)
    assert start + onset(samples) == pytest.approx(np.sqrt(2 * HEIGHT / 9.81), abs=1e-3)
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        assert stream.codec_context.name == {"aac": "aac", "flac": "flac", "pcm": "pcm_s24le"}[codec]
        assert (stream.codec_context.sample_rate, stream.codec_context.channels) == (48_000, 2)
        assert float(stream.duration * stream.time_base) == pytest.approx(0.5, abs=1024 / 48_000)


def test_twice_the_fall_is_as_much_louder_as_its_impulse():
    peaks, impulses = [], []
    for height in (0.1, 0.4):
        scene = physim.Scene()
        scene.add(physim.Plane(), physim.Static("stone"))
        scene.add(physim.Sphere(0.02), physim.Rigid("wood"), name="ball", position=(0, height + 0.02, 0))
        audible = listen(physim.simulate(scene, seconds=0.35, fps=24))
        one = Audible(0.35, audible.sample_rate, audible.resonators, audible.strikes[:1], camera=audible.camera)
        peaks.append(np.abs(pressure(one, Mix(tone=0), count=RATE // 2, rate=RATE)["blows"]).max())
        impulses.append(one.strikes[0].impulse)
    assert impulses[1] / impulses[0] == pytest.approx(2, rel=0.02)  # speed goes with the root of the height
    assert 20 * np.log10(peaks[1] / peaks[0]) == pytest.approx(6.0, abs=2.5)  # and a faster blow is shorter: brighter


@pytest.mark.parametrize(("material", "floor"), [("wood", "stone"), ("glass", "stone"), ("steel", "wood")])
def test_twice_the_impulse_of_a_fall_is_six_decibels_of_level(material, floor):
    """Through the solver: a ball falls from one height and from four times that; the level is that of the whole blow.

    A faster blow is shorter (Hertz: v^(-1/5)) and reaches higher modes, which is what may go beyond 6.02 dB.
    """
    levels, impulses = [], []
    for height in (0.05, 0.2):
        scene = physim.Scene()
        scene.add(physim.Plane(), physim.Static(floor))
        ball = physim.Rigid(material, drag_coefficient=0.0)
        scene.add(physim.Sphere(0.02), ball, name="ball", position=(0, height + 0.02, 0))
        audible = listen(physim.simulate(scene, seconds=float(np.sqrt(2 * height / 9.81)) + 0.05, fps=24))
        one = Audible(0.6, audible.sample_rate, audible.resonators, audible.strikes[:1], camera=audible.camera)
        levels.append(np.linalg.norm(pressure(one, Mix(tone=0), count=RATE // 2, rate=RATE)["blows"]))
        impulses.append(one.strikes[0].impulse)
    assert impulses[1] / impulses[0] == pytest.approx(2, rel=0.02)
    assert 20 * np.log10(levels[1] / levels[0]) == pytest.approx(6.02, abs=1.0)


def blow_on(material, shape, point, impulse=0.02):
    """A steel ball of 5 mm at 1 m/s on one side of a free body; Hertz says for how long."""
    elastic, density = ELASTIC[material], SOLIDS[material]["density"]
    found = modes(shape.triangles, elastic, mass=density * shape.volume, density=density, cells=24)
    omega = 2 * np.pi * found.frequency
    pole = -found.decay + 1j * np.sqrt(omega**2 - found.decay**2)
    weight = -1j * pole / pole.imag * found.loudness
    rate = 343.2 / found.radius
    pole, weight = (
        np.append(pole, -rate + 1j * rate),
        np.append(weight, 343.2 * 1.2 * found.radius / found.mass * 0.6 * (1 + 1j)),
    )
    touch = contact_time(0.005, 1.0, 0.005, elastic, ELASTIC["steel"])
    body = Resonator(material, material, pole, weight, np.array([[0.0, 0, 1]]), np.zeros(1), found.radius)
    coupling = np.append(found.at(np.asarray(point), np.array([0.0, 1, 0])), 1.0)
    return Audible(0.6, 240.0, (body,), (Strike(0, 0.0, touch, impulse, coupling),))


def features(samples):
    """Logarithms of the centroid [Hz], of the time in which 90 % of the energy is over [s], and the flatness."""
    power = np.abs(np.fft.rfft(samples)) ** 2 + 1e-30
    wave = np.fft.rfftfreq(len(samples), 1 / RATE)
    heard = (wave > 50) & (wave < 16_000)
    energy = np.cumsum(samples**2)
    return np.array([
        np.log(np.sum(wave[heard] * power[heard]) / np.sum(power[heard])),
        np.log((np.searchsorted(energy, 0.9 * energy[-1]) + 1) / RATE),
        0.3 * (np.mean(np.log(power[heard])) - np.log(np.mean(power[heard]))),
    ])  # fmt: skip


def test_glass_wood_steel_and_rubber_are_told_apart():
    """Nearest centroid, each sound left out of its own: bars, plates and discs of several sizes, struck off centre."""
    known = []
    for material in ("glass", "wood", "steel", "rubber"):
        for size in (0.8, 1.0, 1.25):
            for shape, point in (
                (Box((0.16 * size, 0.008 * size, 0.03 * size)), (0.06 * size, 0.004 * size, 0.01 * size)),
                (Box((0.1 * size, 0.006 * size, 0.08 * size)), (0.04 * size, 0.003 * size, 0.03 * size)),
                (Cylinder(0.05 * size, 0.006 * size), (0.04 * size, 0.003 * size, 0.01 * size)),
            ):
                audible = blow_on(material, shape, point)
                values = pressure(audible, Mix(tone=0), count=round(0.6 * RATE), rate=RATE)["blows"][:, 0]
                known.append((material, features(values)))
    right = 0
    for i, (material, feature) in enumerate(known):
        others = [(m, f) for k, (m, f) in enumerate(known) if k != i]
        centres = {m: np.mean([f for n, f in others if n == m], axis=0) for m in {m for m, _ in others}}
        right += material == min(centres, key=lambda m: np.sum((centres[m] - feature) ** 2))
    assert right >= 0.9 * len(known), f"{right} of {len(known)}"


def test_thirty_contacts_a_second_are_made_five_times_faster_than_they_play():
    rng = np.random.default_rng(0)
    count, seconds = 10, 4.0
    bodies = []
    for i in range(count):
        frequency = np.sort(rng.uniform(300, 15_000, 40))
        pole = -rng.uniform(5, 200, 40) + 2j * np.pi * frequency
        bodies.append(
            Resonator(f"b{i}", "steel", pole, np.ones(40, complex), np.array([[0, 0, 1.0]]), np.zeros(1), 0.1)
        )
    strikes = tuple(
        Strike(int(rng.integers(count)), t, 1e-4, 0.01, rng.normal(size=40)) for t in rng.uniform(0, seconds, 120)
    )
    spent = []
    for _ in range(2):
        start = time.process_time()
        synthesize(Audible(seconds, 240.0, tuple(bodies), strikes, room=3.0))
        spent.append(time.process_time() - start)
    assert seconds / min(spent) > 5


def test_stems_add_up_to_the_sound_below_the_limiter(tmp_path, dropped):
    sound = synthesize(dropped, Mix(loudness=-35))
    assert np.abs(sum(sound.stems.values()) - sound.samples).max() < 1e-9
    files = write_stems(sound, tmp_path / "cup.mp4")
    assert {f.name for f in files} >= {"cup.sound.wav", "cup.blows.wav", "cup.place.wav"}


def test_a_video_is_not_lost_for_its_sound(tmp_path):
    def fails():
        raise RuntimeError("modes of nothing")

    spec = AudioSpec()
    with (
        pytest.warns(UserWarning, match="is silent: its sound could not be made .modes of nothing"),
        soundtrack(fails, spec, mix=mix_of(spec, 0), seconds=1, target=tmp_path / "a.mp4") as sound,
    ):
        assert sound is None


def test_the_file_of_the_sound_is_gone_afterwards(tmp_path, dropped):
    spec = AudioSpec(stems=True)
    with soundtrack(lambda: dropped, spec, mix=mix_of(spec, 0), seconds=0.5, target=tmp_path / "a.mp4") as sound:
        assert sound is not None and sound.stat().st_size > 0.5 * 48_000 * 6
    assert not sound.exists()
    assert (tmp_path / "a.water.wav").exists()
