"""Cases of contact of elastic solids: a sphere pressed into a layer."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from physim.materials import Kinematic
from physim.motion import Motion
from physim.shapes import Sphere
from physim.validation.case import Case, Quantity
from physim.validation.registry import runner
from physim.validation.settings import Settings
from physim.validation.soft_parts import block, matter, solid


def layer_factor(chi: float, nu: float) -> float:
    """Force on a sphere over that on a half space, chi = sqrt(R d) / t, of a bonded layer (Dimitriadis et al. 2002)."""
    a = -(1.2876 - 1.4678 * nu + 1.3442 * nu**2) / (1 - nu)
    b = (0.6387 - 1.0277 * nu + 1.5164 * nu**2) / (1 - nu)
    return float(
        1 - 2 * a / np.pi * chi + 4 * a**2 / np.pi**2 * chi**2
        - 8 / np.pi**3 * (a**3 + 4 * np.pi**2 / 15 * b) * chi**3
        + 16 * a / np.pi**4 * (a**3 + 3 * np.pi**2 / 5 * b) * chi**4
    )  # fmt: skip


@runner("hertz")
def hertz(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Force on a sphere at several depths, pressed in slowly one after the other."""
    radius, thick, width, nu = case.get("R"), case.get("t"), case.get("width"), case.get("poisson")
    depths = [float(d) for d in case.params["depths"]]
    rate = np.sqrt(case.get("E") / case.get("rho")) / thick
    soft = matter(case, rate=rate, cell=case.get("cell", thick / 15))
    scene = block(case, (width, thick, width), soft, "bottom")
    hold, times, offsets = 10 / rate, [0.0], [0.0]
    for d in depths:
        times += [times[-1] + hold, times[-1] + 2 * hold]
        offsets += [-d, -d]
    path = Motion(times, [(0.0, o, 0.0) for o in offsets])
    scene.add(
        Sphere(radius), Kinematic("steel", friction=0.0, motion=path), name="ball",
        position=(0.0, thick / 2 + radius, 0.0),
    )  # fmt: skip
    trajectory = settings.simulate(scene, times[-1])
    track = solid(trajectory)
    force = -track.dense_force["ball"][:, 1]
    rows = trajectory.fps * track.samples_per_frame
    found = []
    for k, d in enumerate(depths):
        part = slice(int((times[2 * k + 2] - hold / 4) * rows), int(times[2 * k + 2] * rows))
        found.append(float(force[part].mean()))
        law = 4 / 3 * case.get("E") / (1 - nu**2) * np.sqrt(radius) * d**1.5
        expected = law * layer_factor(np.sqrt(radius * d) / thick, nu)
        yield case.relative(f"force at {d * 1e3:g} mm [N]", expected, found[-1], case.limits("force_rel"))
        if k == 0:
            first = expected
    of_law = np.log(expected / first) / np.log(depths[-1] / depths[0])
    exponent = float(np.log(found[-1] / found[0]) / np.log(depths[-1] / depths[0]))
    yield case.absolute("exponent of the force [-]", float(of_law), exponent, case.limits("exponent_abs"))
