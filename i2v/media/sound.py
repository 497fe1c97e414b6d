"""Sound of a shot: from what can be heard (:mod:`physim.audible`) to stereo samples, calibrated, at a target loudness.

Everything is pressure in pascals at the camera first: sources at one metre, divided by their distance, placed left and
right by where the camera sees them. Only at the end does one gain bring the whole to its loudness, so that a blow of
twice the impulse is 6 dB louder in the same shot, and a quiet shot stays quiet beyond a limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from i2v.media import sound_air, sound_water
from i2v.media.sound_bank import ring
from i2v.media.sound_friction import rub_force
from i2v.media.sound_level import CEILING, limited, loudness, true_peak
from i2v.media.sound_vessel import through
from physim.audible import Audible, Splash, Strike
from physim.progress import Progress

RATE = 48_000
"""Samples per second."""
NEAREST = 0.2
"""Distances below this count as this [m]."""
FULL_SCALE = 20.0
"""Pressure of full scale when nothing is raised or lowered [Pa]: 120 dB."""
MOST_GAIN = 40.0
"""A quiet shot is raised by at most so much [dB]: a whisper is no bang."""
MOST_LIMITED = 3.0
"""And until its highest peak has to be taken down by so much [dB]: single blows keep their proportions."""
WIDTH = 0.7
"""How far right a source at 45 degrees is: 1 is in one ear alone."""


@dataclass(frozen=True)
class Mix:
    """What the listener may choose."""

    loudness: float = -18.0
    """Of the whole [LUFS]."""
    tone: float = 1.0
    """Factor on the tone of the place; 0: silence between the sounds."""
    recordings: Mapping[str, tuple[np.ndarray, int]] = field(default_factory=dict)
    """Material → samples (N, channels) and rate of a blow on it; they take the place of its modes."""
    seed: int = 0


@dataclass(frozen=True)
class Sound:
    """Stereo, and the parts it is made of."""

    samples: np.ndarray
    """(N, 2) float64 at full scale 1."""
    rate: int
    stems: dict[str, np.ndarray]
    """Part ('blows', 'friction', 'water', 'air', 'place') → (N, 2), with the same gain, before the limiter."""
    gain: float
    """Full scale per pascal."""
    loudness: float
    """Measured [LUFS]."""


def synthesize(
    audible: Audible,
    mix: Mix | None = None,
    *,
    rate: int = RATE,
    seconds: float | None = None,
    progress: Progress | None = None,
) -> Sound:
    """Make the sound.

    Args:
        audible: What can be heard.
        mix: Loudness, tone, recordings.
        rate: Samples per second.
        seconds: Length, that of the video; default: the shot's.
        progress: Called with ('bodies', fraction done); see :mod:`physim.progress`.
    """
    mix = mix or Mix()
    count = max(1, round((seconds or audible.seconds) * rate))
    stems = pressure(audible, mix, count=count, rate=rate, progress=progress)
    whole = np.sum(list(stems.values()), axis=0)
    gain = _gain(whole, mix.loudness, rate)
    samples = limited(whole * gain, rate)
    return Sound(samples, rate, {name: stem * gain for name, stem in stems.items()}, gain, loudness(samples, rate))


def pressure(
    audible: Audible,
    mix: Mix,
    *,
    count: int,
    rate: int,
    progress: Progress | None = None,
) -> dict[str, np.ndarray]:
    """The parts of the sound at the camera (count, 2) [Pa], before any gain."""
    stems = {name: np.zeros((count, 2)) for name in ("blows", "friction", "water", "air", "place")}
    setting = dict(count=count, rate=rate, sample_rate=audible.sample_rate)
    for i, body in enumerate(audible.resonators):
        strikes = [s for s in audible.strikes if s.resonator == i]
        rubs = [r for r in audible.rubs if r.resonator == i]
        at = placed(body.position, audible, count, rate)
        recorded = mix.recordings.get(body.material)
        if recorded is not None:
            stems["blows"] += _recorded(strikes, recorded, body.weight, count, rate)[:, None] * at
        elif strikes:
            stems["blows"] += ring(body, strikes, [], **setting)[:, None] * at  # type: ignore[arg-type]
        if rubs:
            forces = [(rub, rub_force(rub, seed=mix.seed + 31 * i + k, **setting)) for k, rub in enumerate(rubs)]  # type: ignore[arg-type]
            stems["friction"] += ring(body, [], forces, **setting)[:, None] * at  # type: ignore[arg-type]
        if progress is not None:
            progress("bodies", (i + 1) / len(audible.resonators))
    _add_water(stems["water"], audible, mix.seed, rate)
    for k, current in enumerate(audible.currents):
        values = sound_air.current_pressure(current, seed=mix.seed + k, **setting)  # type: ignore[arg-type]
        if values.any():
            stems["air"] += values[:, None] * placed(current.position, audible, count, rate)
    stems["place"] += mix.tone * sound_air.room_tone(count, rate, seed=mix.seed)
    if audible.room > 0:
        for name in ("blows", "friction", "water"):
            stems[name] += _reverberation(stems[name], audible.room, rate, mix.seed)
    return stems


def placed(position: np.ndarray, audible: Audible, count: int, rate: int) -> np.ndarray:
    """Gain of the left and the right channel (count, 2) or (1, 2) for a source at (S, 3) [m]: 1/distance, equal power.

    A position of NaN is all around: one metre away, in the middle.
    """
    rows = max(len(position), len(audible.camera))
    world = np.broadcast_to(position, (rows, 3)) if len(position) == 1 else position
    pose = np.broadcast_to(audible.camera, (rows, 4, 4)) if len(audible.camera) == 1 else audible.camera
    rows = min(len(world), len(pose))
    local = np.einsum("sji,sj->si", pose[:rows, :3, :3], world[:rows] - pose[:rows, :3, 3])
    distance = np.linalg.norm(local, axis=1)
    everywhere = ~np.isfinite(distance)
    local[everywhere], distance[everywhere] = (0, 0, 1), 1.0
    distance = np.maximum(distance, NEAREST)
    side = np.clip(WIDTH * np.sqrt(2) * local[:, 0] / distance, -1, 1)
    angle = (side + 1) * np.pi / 4
    gains = np.stack([np.cos(angle), np.sin(angle)], axis=1) * (np.sqrt(2) / distance)[:, None]
    if rows == 1:
        return gains
    times = np.arange(count) / rate * audible.sample_rate
    return np.stack([np.interp(times, np.arange(rows), gains[:, k]) for k in range(2)], axis=1)


def _recorded(
    strikes: list[Strike], recording: tuple[np.ndarray, int], weight: np.ndarray, count: int, rate: int
) -> np.ndarray:
    """The recording at every blow, as loud as the modes would be on the first instant, whatever its own level."""
    from fractions import Fraction

    from scipy.signal import resample_poly

    samples, own = recording
    ratio = Fraction(rate, own)
    values = resample_poly(samples.mean(axis=1), ratio.numerator, ratio.denominator)
    values /= max(float(np.abs(values).max()), 1e-12)
    out = np.zeros(count)
    for strike in strikes:
        first = round(strike.time * rate)
        piece = values[: max(0, count - first)]
        level = strike.impulse * float(np.sqrt(np.sum(np.abs(weight * strike.coupling) ** 2)))
        out[first : first + len(piece)] += level * piece
    return out


def _add_water(stem: np.ndarray, audible: Audible, seed: int, rate: int) -> None:
    """Slaps and bubbles of all splashes, each from where it is; those in a vessel out of its mouth."""
    if not audible.splashes:
        return
    rng = np.random.default_rng([seed, 0xB0])
    count = len(stem)
    gains = [_at(placed(s.position[None], audible, count, rate), s.time, rate) for s in audible.splashes]
    inside = [np.zeros(count) for _ in audible.vessels]

    def lay(splash: Splash, values: np.ndarray, first: int, gain: np.ndarray) -> None:
        if splash.vessel < 0:
            _lay(stem, values, first, gain)
        else:
            values = values[: max(0, count - first)]
            inside[splash.vessel][first : first + len(values)] += values

    for splash, gain in zip(audible.splashes, gains, strict=True):
        lay(splash, sound_water.slap(splash.energy, rate=rate, rng=rng), round(splash.time * rate), gain)
    found = sound_water.bubbles_of(audible.splashes, rng)
    for time, radius, rise, strength, splash in zip(
        found.time, found.radius, found.rise, found.strength, found.splash, strict=True
    ):
        first = int(np.ceil(time * rate))
        if first < count:
            values = sound_water.bubble(radius, rise, offset=first / rate - time, rate=rate)
            lay(audible.splashes[splash], strength * values, first, gains[splash])
    for vessel, dry in zip(audible.vessels, inside, strict=True):
        heard = through(vessel, dry, rate=rate)
        stem += heard[:, None] * _placed_at(vessel.position, vessel.sample_rate, audible, count, rate)


def _placed_at(position: np.ndarray, sample_rate: float, audible: Audible, count: int, rate: int) -> np.ndarray:
    """As :func:`placed`, of positions at a rate of their own."""
    if len(position) > 1:
        rows = np.arange(round(audible.seconds * audible.sample_rate) + 1) / audible.sample_rate * sample_rate
        position = np.stack([np.interp(rows, np.arange(len(position)), position[:, k]) for k in range(3)], axis=1)
    return placed(position, audible, count, rate)


def _at(gains: np.ndarray, time: float, rate: int) -> np.ndarray:
    """The gains (2,) of one instant."""
    return gains[min(round(time * rate), len(gains) - 1)]


def _lay(stem: np.ndarray, values: np.ndarray, first: int, gain: np.ndarray) -> None:
    values = values[: max(0, len(stem) - first)]
    stem[first : first + len(values)] += values[:, None] * gain


def _reverberation(dry: np.ndarray, distance: float, rate: int, seed: int) -> np.ndarray:
    """What a room sends back: two tails of noise that die within some tenths of a second; walls give its size.

    The level is that of a diffuse field: beyond the reverberation radius of ``0.057 sqrt(V / T)`` [m] it is louder than
    the source itself (Kuttruff, Room Acoustics, eq. 5.44). Nothing arrives before the first wall.
    """
    from scipy.signal import oaconvolve

    if not dry.any():
        return np.zeros_like(dry)
    volume = max((2 * distance) ** 3, 20.0)
    length = float(np.clip(0.25 + 0.01 * volume**0.5, 0.3, 1.2))
    radius = 0.057 * np.sqrt(volume / length)
    rng = np.random.default_rng([seed, 0x5E])
    t = np.arange(int(length * rate)) / rate
    tail = rng.standard_normal((len(t), 2)) * np.exp(-6.9 * t / length)[:, None]
    tail[t < distance / 343.2] = 0
    tail *= 1 / (radius * np.sqrt(np.sum(tail**2, axis=0)))
    middle = dry.mean(axis=1)
    return 0.5 * oaconvolve(middle[:, None], tail, axes=0)[: len(dry)]


def _gain(whole: np.ndarray, target: float, rate: int) -> float:
    """Full scale per pascal: what brings the whole to the target, within :data:`MOST_GAIN` and :data:`MOST_LIMITED`."""
    natural = 1 / FULL_SCALE
    measured = loudness(whole * natural, rate)
    wanted = natural * 10 ** (min(target - measured, MOST_GAIN) / 20)
    return min(wanted, 10 ** ((CEILING + MOST_LIMITED) / 20) / max(true_peak(whole), 1e-12))
