"""Sound measured: pitches against closed forms, levels, cost; and the spectrograms of ``docs/sound.md``.

python -m benchmarks.sound --pictures docs
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import physim
from i2v.media import sound_water
from i2v.media.sound import RATE, Mix, Sound, synthesize
from i2v.media.sound_file import write_wav
from physim.audible import Audible, Splash
from physim.elastic import ELASTIC
from physim.modal import modes
from physim.shapes import Box, Mesh

MATERIALS = ("glass", "steel", "wood", "rubber")


def dropped_bars() -> Audible:
    """A bar of each material falls on stone, half a second apart."""
    scene = physim.Scene()
    scene.add(physim.Plane(), physim.Static("stone"))
    for k, material in enumerate(MATERIALS):
        height = 0.5 * 9.81 * (0.15 + 0.5 * k) ** 2
        scene.add(
            physim.Box((0.16, 0.008, 0.03)), physim.Rigid(material), name=material,
            position=(0.4 * k - 0.6, height, -1.0), orientation=(0.03, 0, 0.25, 1),
        )  # fmt: skip
    return physim.listen(physim.simulate(scene, seconds=2.2, fps=24))


def rolling_ball() -> Audible:
    """A steel ball rolls down a wooden slope of ten degrees: its speed grows evenly."""
    tilt = np.radians(10)
    scene = physim.Scene()
    normal = (float(np.sin(tilt)), float(np.cos(tilt)), 0.0)
    scene.add(physim.Plane(normal=normal), physim.Static("wood"))
    start = 0.03 * np.array(normal)
    scene.add(physim.Sphere(0.03), physim.Rigid("steel", restitution=0), name="ball", position=tuple(start))
    return physim.listen(physim.simulate(scene, seconds=2.0, fps=24))


def drips() -> Audible:
    """Drops and a larger splash."""
    place = np.array([0.0, 0.0, 1.0])
    splashes = [Splash(0.1 + 0.25 * k, place, 1e-3, 3e-8 * 3**k) for k in range(4)]
    return Audible(2.2, 192.0, splashes=(*splashes, Splash(1.3, place, 0.2, 2e-5)))


def spectrogram(sound: Sound, path: Path, title: str) -> None:
    """Level over time and frequency, 90 dB from black to white; frequency is logarithmic, 60 Hz to 20 kHz."""
    mono = sound.samples.mean(axis=1)
    window, hop = 2048, 256
    padded = np.pad(mono, window // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop] * np.hanning(window)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    level = 10 * np.log10(power / power.max() + 1e-12)
    height, left, top, below = 300, 56, 26, 26
    wave = np.geomspace(60, 20_000, height)[::-1]
    rows = np.clip(np.rint(wave * window / RATE).astype(int), 1, power.shape[1] - 1)
    shade = np.clip(1 + level[:, rows].T / 90, 0, 1)
    colour = np.stack([shade**1.5, shade**2.2, 0.25 * np.sin(np.pi * shade) + shade**4 * 0.75], axis=-1)
    image = Image.fromarray((255 * np.clip(colour, 0, 1)).astype(np.uint8)).resize(
        (860, height), Image.Resampling.BILINEAR
    )
    sheet = Image.new("RGB", (left + 860 + 12, top + height + below), "white")
    sheet.paste(image, (left, top))
    draw = ImageDraw.Draw(sheet)
    draw.text((left, 8), title, fill="black")
    for hertz in (100, 300, 1000, 3000, 10_000):
        y = top + height * (1 - np.log(hertz / 60) / np.log(20_000 / 60))
        draw.text((6, y - 6), f"{hertz} Hz", fill="black")
        draw.line([(left - 4, y), (left, y)], fill="black")
    seconds = len(mono) / RATE
    for tick in np.arange(0, seconds + 1e-9, 0.5):
        x = left + 860 * tick / seconds
        draw.line([(x, top + height), (x, top + height + 4)], fill="black")
        draw.text((x - 8, top + height + 8), f"{tick:.1f} s", fill="black")
    sheet.save(path)


def bar_pitch() -> tuple[float, float]:
    """Of a free aluminium bar: computed, and by beam theory [Hz]."""
    found = modes(Box((0.3, 0.012, 0.03)).triangles, ELASTIC["aluminium"], mass=0.2916, density=2700)
    return float(found.frequency[0]), 22.373 / (2 * np.pi * 0.3**2) * float(np.sqrt(69e9 * 0.012**2 / 12 / 2700))


def cup_pitches(cells: tuple[int, ...]) -> list[float]:
    """Lowest pitch of a ceramic cup with a wall of 4 mm, on finer and finer grids [Hz]."""
    r, h, t = 0.04, 0.09, 0.004
    cup = Mesh.revolved(np.array([[0, 0], [r, 0], [r, h], [r - t, h], [r - t, t], [0, t]]), 64)
    return [
        float(modes(cup.triangles, ELASTIC["ceramic"], mass=0.2, density=2700, cells=n).frequency[0]) for n in cells
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, help="folder for the spectrograms")
    parser.add_argument("--waves", type=Path, help="folder for WAV files")
    arguments = parser.parse_args()
    got, beam = bar_pitch()
    print(f"aluminium bar 300 x 30 x 12 mm: {got:.1f} Hz, beam theory {beam:.1f} Hz ({got / beam - 1:+.1%})")
    pitches = cup_pitches((120, 200, 320))
    print("ceramic cup, finer grids: " + ", ".join(f"{p:.0f} Hz" for p in pitches))
    bubble = sound_water.bubble(1e-3, 0.0, offset=0.0, rate=RATE)
    peak = np.argmax(np.abs(np.fft.rfft(bubble, 1 << 18))) * RATE / (1 << 18)
    print(f"bubble of 1 mm: f r = {peak * 1e-3:.3f} m/s (Minnaert 3.26)")
    for name, title, make in (
        ("materials", "bars of glass, steel, wood and rubber fall on stone", dropped_bars),
        ("rolling", "a steel ball rolls down a slope, faster and faster", rolling_ball),
        ("water", "drops, each with three times the air of the one before, and a splash", drips),
    ):
        audible = make()
        synthesize(audible, Mix())  # loads what it needs
        start = time.process_time()
        sound = synthesize(audible, Mix(tone=0.3))
        spent = time.process_time() - start
        print(
            f"{name}: {len(audible.strikes)} blows, {len(audible.rubs)} rubs, {len(audible.splashes)} splashes; "
            f"{audible.seconds / spent:.1f} times faster than it plays; {sound.loudness:.1f} LUFS"
        )
        if arguments.pictures:
            spectrogram(sound, arguments.pictures / f"sound_{name}.png", title)
        if arguments.waves:
            write_wav(arguments.waves / f"{name}.wav", sound.samples, sound.rate)


if __name__ == "__main__":
    main()
