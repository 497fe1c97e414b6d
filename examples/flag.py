"""The flag behind the astronaut in a draught: cloth cut out of a photo, held by its pole, waving behind her.

A sheet that hangs in a steady wind stays straight, and leans so far that along its own normal weight and pressure are
equal: ``g w sin(a) = rho / 2 Cn (U cos(a))^2`` with w its weight per area. A strip of the flag's own fabric, in a wind
of its mean speed, is held against that. The flag itself may neither leave its pole nor stretch.

    python -m examples.flag --output out/flag.mp4
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

import physim
from examples.runner import Measure, run_example
from i2v.animate import RunSummary
from physim.materials import Cloth

AIR = 1.2
"""Density of air [kg/m^3]."""


def leaning_law(fabric: Cloth, speed: float) -> float:
    """Angle off the vertical [degrees] of a sheet that hangs in a steady wind [m/s]."""
    assert fabric.areal_density is not None
    ratio = 0.5 * AIR * fabric.drag_coefficient * speed**2 / (9.81 * fabric.areal_density)
    return float(np.degrees(brentq(lambda a: np.sin(a) - ratio * np.cos(a) ** 2, 0.0, np.pi / 2)))


def leaning_strip(fabric: Cloth, speed: float) -> float:
    """The same of a strip that is simulated until it has come to rest [degrees]."""
    scene = physim.Scene()
    scene.add(physim.Sheet((0.06, 0.3), (2, 10)), fabric, name="strip", position=(0, 1, 0), pin="top")
    scene.add(physim.Wind(velocity=(0.0, 0.0, speed)))
    track = physim.simulate(scene, seconds=4.0, fps=10)["strip"]
    span = track.position[-10:].astype(np.float64)
    along = span[:, :3].mean(axis=1) - span[:, -3:].mean(axis=1)
    return float(np.degrees(np.arctan2(along[:, 2], -along[:, 1]).mean()))


def check(summary: RunSummary) -> list[Measure]:
    """What must be true of the result, and what was measured; the test suite runs it."""
    trajectory = summary.trajectory
    assert trajectory is not None
    entity, track = trajectory.scene["flag"], trajectory.cloths["flag"]
    assert isinstance(entity.material, Cloth)
    speed = float(np.linalg.norm(trajectory.scene.forces[0].velocity))  # type: ignore[union-attr]
    law, got = leaning_law(entity.material, speed), leaning_strip(entity.material, speed)
    assert abs(got - law) < 0.03 * law, "weight and wind balance"
    held = np.unique(np.concatenate([np.atleast_1d(pin.where) for pin in entity.pins])).astype(int)
    move = np.linalg.norm(track.position - track.position[0], axis=-1)
    edges = np.unique(np.sort(track.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1), axis=0)

    def length(points: np.ndarray) -> np.ndarray:
        return np.linalg.norm(points[..., edges[:, 0], :] - points[..., edges[:, 1], :], axis=-1)

    stretch = length(track.position.astype(np.float64)) / length(track.rest) - 1
    assert move[:, held].max() < 1e-6, "what is pinned stays"
    assert np.percentile(stretch, 99) < 0.02, "fabric bends, it does not stretch"
    assert move.max() > 0.005, "it waves"
    return [
        Measure(f"a strip of it leans in {speed:.2f} m/s by [degrees]", got, law, "weight against wind"),
        Measure("the flag moves by up to [cm]", 100 * float(move.max())),
        Measure("its pole by [mm]", 1e3 * float(move[:, held].max()), 0.0, "pinned"),
        Measure("99 of 100 threads stretch by less than [%]", 100 * float(np.percentile(stretch, 99))),
    ]


def main(argv: list[str] | None = None) -> None:
    run_example(__doc__, "flag", check, argv)


if __name__ == "__main__":
    main()
