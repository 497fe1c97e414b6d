"""A dam breaks on a garage floor: how far the water has run is the same curve for every size of the column.

The front x of a column of width a and height 2 a, in Z = x / a over T = t sqrt(2 g / a), was filmed by J. C. Martin and
W. J. Moyce, An experimental study of the collapse of liquid columns on a rigid horizontal plane, Phil. Trans. R. Soc. A
244 (1952) 312. It can never be faster than the front on a dry bed of water as shallow as it is long, 2 sqrt(g H)
(A. Ritter, 1892), and the same table, digitised twice, scatters by 8 %.

    python -m examples.dam_break --output out/dam_break.mp4
"""

from __future__ import annotations

import numpy as np

from examples.runner import Measure, run_example
from i2v.animate import RunSummary

MEASURED = np.array([
    [0.832, 1.217], [1.219, 1.474], [1.997, 2.292], [2.547, 2.995], [3.345, 4.134], [4.034, 4.944],
    [4.418, 5.881], [5.091, 6.98], [5.685, 7.945], [6.306, 8.966], [6.822, 9.986], [7.439, 10.963],
    [8.031, 11.977], [8.633, 13.005], [9.237, 13.97],
])  # fmt: skip
"""T and Z of Martin and Moyce for a column twice as high as wide."""
FREE = 7.5
"""Up to here nothing stands in the way; the tank ends at 8."""
TOLERANCE = 0.12
"""Of Z, root of the mean square: the data scatter by 8 %, and water without a gate that is lifted leads them."""


def front(summary: RunSummary) -> tuple[np.ndarray, np.ndarray]:
    """T and Z of the run: how far a thousandth of the water has come."""
    trajectory = summary.trajectory
    assert trajectory is not None
    track, box = trajectory.liquids["water"], trajectory.scene["water"]
    width = float(box.shape.size[0])  # type: ignore[union-attr]
    wall = box.position[0] - width / 2
    far = np.nanquantile(track.position[..., 0].astype(np.float64), 0.999, axis=1)
    times = np.arange(len(far)) / trajectory.fps
    return times * np.sqrt(2 * 9.81 / width), (far - wall) / width


def check(summary: RunSummary) -> list[Measure]:
    """What must be true of the result, and what was measured; the test suite runs it."""
    t, z = front(summary)
    there = z < FREE
    t, z = t[there], z[there]
    late = MEASURED[(MEASURED[:, 0] > 1.0) & (MEASURED[:, 0] < t[-1])]
    found = np.interp(late[:, 0], t, z)
    rms = float(np.sqrt(np.mean((found / late[:, 1] - 1) ** 2)))
    slope, law = (float(np.polyfit(late[2:, 0], front[2:], 1)[0]) for front in (found, late[:, 1]))
    fastest = float(np.max(np.diff(z) / np.diff(t)))
    assert rms < TOLERANCE, "the front keeps to the measured curve"
    assert abs(slope / law - 1) < 0.08, "and has its speed"
    assert fastest < 2.0, "no front is faster than Ritter's"
    report = summary.conservation
    kept = report["liquid_volume_end [m^3]"] / report["liquid_volume_start [m^3]"]
    assert kept > 0.99, "the water stays in its tank"
    return [
        Measure(f"front at T = {late[-1, 0]:.2f} [widths]", float(found[-1]), float(late[-1, 1]), "Martin and Moyce"),
        Measure("its speed dZ/dT", slope, law, "Martin and Moyce"),
        Measure("at its fastest", fastest, 2.0, "Ritter's bound"),
        Measure("off their curve, rms [%]", 100 * rms),
    ]


def main(argv: list[str] | None = None) -> None:
    run_example(__doc__, "dam_break", check, argv)


if __name__ == "__main__":
    main()
