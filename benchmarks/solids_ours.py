"""The comparison's scenes in this library, through its public API; recording poses and impacts is part of the time."""

from __future__ import annotations

import gc
import time

import numpy as np

import physim
from benchmarks.solids_scenes import FPS, ClothScene, Result, SolidScene


def run(scene: SolidScene | ClothScene, solver: str, device: str, repeats: int, limit: float) -> Result:
    """Simulate ``scene``; repeats stop when ``limit`` seconds of CPU time are used."""
    world = cloth_world(scene) if isinstance(scene, ClothScene) else solids_world(scene)
    physim.simulate(world, seconds=1 / FPS, fps=FPS, device=device)  # compiles and loads
    frames = round(scene.seconds * FPS)
    best, setup, used = np.full(frames, np.inf), np.inf, 0.0
    trajectory = None
    for _ in range(repeats):
        gc.collect()
        marks = [time.process_time()]

        def mark(*_: int, marks: list[float] = marks) -> None:
            marks.append(time.process_time())

        first = physim.simulate(world, seconds=scene.seconds, fps=FPS, device=device, progress=mark)
        trajectory = trajectory or first
        spent = np.diff(marks)  # set-up, then every frame
        # the first frame is launched plainly and the second one records the graph, which the peers do in their set-up
        setup = min(setup, spent[0] + spent[1] + spent[2] - 2 * spent[3])
        spent[1] = spent[2] = spent[3]
        best = np.minimum(best, spent[1:])
        used += marks[-1] - marks[0]
        if used > limit:
            break
    assert trajectory is not None
    result = Result("physim", _settings(trajectory), scene.name, best, float(setup))
    tracks = list((trajectory.cloths if isinstance(scene, ClothScene) else trajectory.bodies).values())
    step = tracks[0].samples_per_frame
    if isinstance(scene, ClothScene):
        result.position = tracks[0].dense_position[::step]
        return result
    result.position = np.stack([t.dense_position[::step] for t in tracks], 1)
    result.orientation = np.stack([t.dense_orientation[::step] for t in tracks], 1)
    result.velocity = np.stack([t.dense_velocity[::step] for t in tracks], 1)
    result.angular_velocity = np.stack([t.dense_angular_velocity[::step] for t in tracks], 1)
    return result


def _settings(trajectory: physim.Trajectory) -> str:
    values = trajectory.report.values
    words = ["defaults"]
    for name in ("substep [s]", "cloth_step [s]"):
        if name in values:
            words.append(f"{1 / (FPS * values[name]):.0f} {name.removesuffix(' [s]').replace('_', ' ')}s")
    if "cloth_softening [-]" in values:
        words.append(f"stretch at {values['cloth_softening [-]']:.2g} of the fabric's stiffness")
    return ", ".join(words)


def solids_world(scene: SolidScene) -> physim.Scene:
    """The comparison's solids as a scene of ours, without air."""
    world = physim.Scene()
    ground = physim.Static(friction=scene.friction, restitution=0.0)
    world.add(physim.Plane() if scene.terrain is None else scene.terrain, ground, name="ground")
    for k, (centre, size) in enumerate(scene.walls):
        world.add(physim.Box(tuple(size)), ground, name=f"wall{k}", position=tuple(centre))
    for k, thing in enumerate(scene.things):
        if thing.kind == "box":
            shape = physim.Box(tuple(thing.size))
        elif thing.kind == "sphere":
            shape = physim.Sphere(float(thing.size[0]))
        else:
            shape = physim.Hull(thing.size)
        material = physim.Rigid(mass=thing.mass, friction=scene.friction, restitution=0.0, drag_coefficient=0.0)
        world.add(
            shape, material, name=f"thing{k}", position=tuple(thing.position), orientation=thing.orientation,
            velocity=thing.velocity,
        )  # fmt: skip
    return world


def cloth_world(scene: ClothScene) -> physim.Scene:
    """The comparison's sheet as a scene of ours."""
    world = physim.Scene()
    ground = physim.Static(friction=scene.friction, restitution=0.0)
    world.add(physim.Plane(), ground, name="ground")
    world.add(physim.Sphere(scene.radius), ground, name="ball", position=scene.centre)
    fabric = physim.Cloth(
        "cotton", areal_density=scene.areal_density, stretch=(scene.stretch, scene.stretch), shear=scene.shear,
        bending=(scene.bending, scene.bending), friction=scene.friction, thickness=scene.thickness,
    )  # fmt: skip
    lying = (-(0.5**0.5), 0.0, 0.0, 0.5**0.5)  # the sheet's own +z is up
    world.add(scene.sheet, fabric, name="sheet", position=(0.0, scene.height, 0.0), orientation=lying)
    world.add(physim.Wind(scene.wind))
    return world
