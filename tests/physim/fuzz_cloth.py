"""Random scenes of cloth with fixed seeds, and what must hold in every one of them."""

from __future__ import annotations

import numpy as np

from physim.forces import Wind
from physim.materials import Cloth, Rigid, Static
from physim.scene import Scene
from physim.shapes import Box, Plane, Sphere
from physim.sheet import Sheet
from physim.simulate import simulate

PINS: tuple[tuple[str, ...], ...] = ((), ("top",), ("top corners",), ("corners",), ("left", "right"), ("top left",))


def draw(seed: int) -> tuple[Scene, float]:
    """The scene of a seed, and the sum of all speeds that anything in it starts or blows with [m/s]."""
    rng = np.random.default_rng([2027, seed])
    scene = Scene()
    scene.add(Plane(), Static(friction=float(rng.random())), name="ground")
    size, cells = rng.uniform(0.2, 1.5, 2), rng.integers(3, 17, 2)
    scale = 10.0 ** rng.uniform(-1, 1, 4)
    fabric = Cloth(
        "cotton", areal_density=0.15 * scale[0], stretch=(2000 * scale[1], 1500 * scale[1]), shear=60 * scale[2],
        bending=(8e-6 * scale[3], 5e-6 * scale[3]), friction=float(rng.random()),
    )  # fmt: skip
    pin = PINS[rng.integers(len(PINS))]
    speed = 0.0 if pin else float(rng.choice([0.0, 5.0, 10.0]))
    heading = rng.normal(size=3)
    velocity = speed * heading / np.linalg.norm(heading)
    scene.add(
        Sheet(tuple(size), tuple(int(n) for n in cells)), fabric, name="sheet", position=(0.0, 1.2, 0.0),
        orientation=tuple(rng.normal(size=4)), velocity=tuple(velocity), pin=pin,
    )  # fmt: skip
    wind = float(rng.choice([0.0, 5.0, 30.0]))
    turn = rng.uniform(0, 2 * np.pi)
    scene.add(Wind((wind * np.cos(turn), 0.0, wind * np.sin(turn)), gust=0.3, seed=seed))
    fastest = 0.0
    for k in range(int(rng.integers(0, 4))):
        shape = Sphere(float(rng.uniform(0.04, 0.15))) if rng.random() < 0.5 else Box(tuple(rng.uniform(0.06, 0.2, 3)))
        side = rng.choice([-1.0, 1.0], 3) * (1.0, 0.0, 1.0)
        place = 1.4 * side + (0.0, rng.uniform(0.6, 1.6), 0.0) + rng.normal(size=3) * (0.1, 0.0, 0.1)
        if rng.random() < 0.3:
            scene.add(
                shape, Static(friction=0.3), name=f"fixed {k}", position=tuple(place * (0.0, 0.3, 0.0) + (k, 0, 0))
            )
            continue
        toward = (np.array([0.0, 1.2, 0.0]) - place) / np.linalg.norm(place - (0.0, 1.2, 0.0))
        thrown = float(rng.choice([1.0, 20.0]) * rng.random())
        fastest = max(fastest, thrown)
        scene.add(
            shape, Rigid(mass=float(10.0 ** rng.uniform(-2, 0.5)), friction=0.3, restitution=0.2), name=f"body {k}",
            position=tuple(place), velocity=tuple(thrown * toward), angular_velocity=tuple(rng.normal(size=3) * 5),
        )  # fmt: skip
    return scene, speed + 1.3 * wind + fastest


def judge(seed: int, seconds: float = 0.5, device: str = "cpu") -> list[str]:
    """What went wrong in the scene of a seed.

    Energy is bounded through speed: nothing may be faster than three times all that drives it together, start, wind
    with its gusts, thrown bodies and a fall of two metres; the free corner of a flag is a whip and gets that factor.
    """
    scene, driven = draw(seed)
    try:
        trajectory = simulate(scene, seconds=seconds, fps=30.0, device=device)
    except Exception as error:  # whatever it is, it is a fault with a seed
        return [f"{type(error).__name__}: {error}"]
    faults = []
    track = trajectory.cloths["sheet"]
    x, v = track.dense_position, track.dense_velocity
    if not (np.isfinite(x).all() and np.isfinite(v).all()):
        return ["a state is not finite"]
    limit = 3 * (driven + (2 * 9.81 * 2.0) ** 0.5)
    fastest = float(np.linalg.norm(v, axis=-1).max())
    if fastest > limit:
        faults.append(f"a vertex reaches {fastest:.3g} m/s, expected at most {limit:.3g} m/s")
    for name, body in trajectory.bodies.items():
        speed = float(np.linalg.norm(body.dense_velocity, axis=-1).max())
        if speed > limit:
            faults.append(f"{name} reaches {speed:.3g} m/s, expected at most {limit:.3g} m/s")
        if body.dense_position[:, 1].min() < 0:
            faults.append(f"{name} is below the ground, at {body.dense_position[:, 1].min():.3g} m")
    lowest = float(x[..., 1].min())
    if lowest < -0.02 and not any(e.name == "sheet" and e.pins for e in scene):
        faults.append(f"a vertex is {-1e3 * lowest:.0f} mm below the ground")
    return faults
