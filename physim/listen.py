"""Listen: what can be heard of a trajectory. Bodies get their modes, events their couplings; nothing is a waveform yet.

Times and impulses are the solver's own, finer than a substep, never those of frames. Contacts of one pair within a
millisecond or two are one blow: a rigid solver resolves what is one deformation into several impacts, and would
otherwise be heard to chatter (Zheng, James, "Toward High-Quality Modal Contact Sound", ACM Trans. Graph. 30, 2011).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from physim.audible import Audible, Current, Resonator, Rub, Splash, Strike
from physim.compound import _rotation
from physim.elastic import ELASTIC, Elastic, contact_time
from physim.floor import Floors
from physim.listen_vessel import vessels
from physim.materials import Rigid, Static
from physim.modal import AIR_DENSITY, SOUND_SPEED, Modes, modes, no_modes
from physim.progress import Progress
from physim.scene import Entity
from physim.shapes import Capsule, HeightField, Plane, Sphere
from physim.trajectory import Trajectory

_log = logging.getLogger(__name__)
LARGEST = 0.6
"""Static things of a larger bounding radius are the world's: they do not ring [m]."""
MERGE = 1.5e-3
"""Impacts of one pair that follow each other this closely are one blow [s]."""
LONGEST = 4e-3
"""And no blow is longer than this [s]."""
HELD = 30.0
"""Decay of a body that presses on a hard one, on top of its own [1/s]."""
RUBS = 48
"""Pairs that slide or roll that are heard: the loudest."""
SLOW = 2e-3
"""Motion over each other below this is rest [m/s]."""
FAR = 20.0
"""A photo that shows anything much further away than this was not taken in a room [m]."""
EDGE = 0.06
"""Radius of curvature of an edge or corner over the bounding radius [-]."""


def listen(trajectory: Trajectory, *, progress: Progress | None = None) -> Audible:
    """What can be heard.

    Args:
        trajectory: What :func:`physim.simulate` returned.
        progress: Called with ('modes', fraction of the forms done); see :mod:`physim.progress`.

    Returns:
        Resonators with their blows, slides and rolls; splashes and vessels that fill; moving air; the camera's path.
    """
    clock = _Clock(trajectory)
    bodies = _bodies(trajectory, clock, progress)
    number = {name: i for i, name in enumerate(bodies)}
    contacts = _in_air(trajectory, trajectory.contacts)
    floors = Floors(len(bodies))
    strikes = [strike for group in _blows(contacts) for strike in _strikes(group, bodies, number, floors)]
    rubs, held = _rubs(trajectory, clock, bodies, number, floors)
    ringing = {name: _resonator(body, clock, held.get(name)) for name, body in bodies.items()}
    resonators = (*ringing.values(), *floors.resonators({name: r.position for name, r in ringing.items()}))
    camera = trajectory.scene.camera
    splashes = _splashes(trajectory)
    hollows, within = vessels(trajectory, splashes)
    splashes = tuple(replace(s, vessel=within.get(i, -1)) for i, s in enumerate(splashes))
    poses = np.eye(4)[None]
    if camera is not None:
        times = clock.times[:1] if camera.is_static else clock.times
        poses = np.stack([camera.at(float(t)).world_from_camera for t in times])
    return Audible(
        seconds=trajectory.frame_count / trajectory.fps,
        sample_rate=clock.rate,
        resonators=resonators,
        strikes=tuple(strikes),
        rubs=tuple(rubs),
        splashes=splashes,
        vessels=hollows,
        currents=_currents(trajectory, clock),
        camera=poses,
        room=_room(trajectory),
    )


class _Clock:
    """The rate of the slow signals: that of the poses the solver keeps."""

    def __init__(self, trajectory: Trajectory) -> None:
        samples = [track.samples_per_frame for track in trajectory.bodies.values()]
        samples += [track.samples_per_frame for track in trajectory.cloths.values()]
        self.rate = trajectory.fps * max(samples, default=8)
        self.count = round(trajectory.frame_count / trajectory.fps * self.rate) + 1
        self.times = np.arange(self.count) / self.rate

    def row(self, times: np.ndarray) -> np.ndarray:
        return np.clip(np.rint(times * self.rate).astype(int), 0, self.count - 1)


@dataclass(frozen=True)
class _Body:
    """A thing that rings."""

    entity: Entity
    trajectory: Trajectory
    modes: Modes
    elastic: Elastic

    def local(self, time: float, point: np.ndarray, normal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A world point and direction in the body's frame at ``time``."""
        track = self.trajectory.bodies.get(self.entity.name)
        where, turn = track.at(time) if track is not None else (self.entity.position, self.entity.orientation)
        world_from_body = _rotation(tuple(turn))
        return (point - np.asarray(where)) @ world_from_body, normal @ world_from_body

    def coupling(self, time: float, point: np.ndarray, normal: np.ndarray) -> np.ndarray:
        """(M + 1,): the modes, and the body's own acceleration."""
        return np.append(self.modes.at(*self.local(time, point, normal)), 1.0)

    @property
    def curvature(self) -> float:
        """Radius of the surface where it is touched [m]."""
        shape = self.entity.shape
        if isinstance(shape, Sphere | Capsule):
            return shape.radius
        return EDGE * shape.bounding_radius  # type: ignore[union-attr]


def _bodies(trajectory: Trajectory, clock: _Clock, progress: Progress | None) -> dict[str, _Body]:
    """Everything that was touched and can ring."""
    names = set(trajectory.contacts["body_a"]) | set(trajectory.contacts["body_b"])
    if len(trajectory.contact_states):
        moving = np.maximum(trajectory.contact_states["slip"], trajectory.contact_states["roll"]) > SLOW
        names |= set(trajectory.contact_states["body_a"][moving]) | set(trajectory.contact_states["body_b"][moving])
    chosen = [entity for entity in trajectory.scene if entity.name in names and _rings(entity)]
    found = {}
    for i, entity in enumerate(chosen):
        found[entity.name] = _body(entity, trajectory)
        if progress is not None:
            progress("modes", (i + 1) / len(chosen))
    return found


def _rings(entity: Entity) -> bool:
    shape = entity.shape
    if isinstance(shape, Plane | HeightField) or not isinstance(entity.material, Rigid | Static):
        return False
    return isinstance(entity.material, Rigid) or shape.bounding_radius < LARGEST  # type: ignore[union-attr]


def _body(entity: Entity, trajectory: Trajectory) -> _Body:
    from physim.materials import SOLIDS

    material = entity.material
    assert isinstance(material, Rigid | Static)
    elastic = ELASTIC[material.preset]
    density = (material.density if isinstance(material, Rigid) else None) or SOLIDS[material.preset]["density"]
    mesh = entity.shape.triangles  # type: ignore[union-attr]
    volume = entity.shape.volume  # type: ignore[union-attr]
    mass = entity.mass if isinstance(material, Rigid) else density * volume
    try:
        found = modes(mesh, elastic, mass=mass, density=density)
    except (ValueError, RuntimeError, MemoryError) as error:  # a mesh that is open or torn: no reason to be silent
        _log.warning("%s has no modes, only the sound of its jerk is heard: %s", entity.name, error)
        found = no_modes(mesh, mass)
    return _Body(entity, trajectory, found, elastic)


def _resonator(body: _Body, clock: _Clock, held: np.ndarray | None) -> Resonator:
    """Modes, and the pulse of pressure of a body that is jerked.

    A sphere of radius a that a force f accelerates sends ``rho c a / (m r) cos(theta) h * f`` with
    ``h = exp(-t/T) (cos t/T - sin t/T)``, ``T = a / c`` (exact, far field): one more oscillator. Its direction is
    unknown: cos(theta) is its root mean square over the sphere. Source: Chadwick, Zheng, James, "Precomputed
    Acceleration Noise for Improved Rigid-Body Sound", ACM Trans. Graph. 31 (2012); Junger, Feit, section 6.
    """
    own = body.modes
    omega = 2 * np.pi * own.frequency
    pole = -own.decay + 1j * np.sqrt(omega**2 - own.decay**2)
    weight = -1j * pole / pole.imag * own.loudness
    rate = SOUND_SPEED / own.radius
    jerk = AIR_DENSITY * SOUND_SPEED * own.radius / own.mass / np.sqrt(3)
    track = body.trajectory.bodies.get(body.entity.name)
    position = np.asarray(body.entity.position)[None] if track is None else track.dense_position[: clock.count]
    return Resonator(
        name=body.entity.name,
        material=body.entity.material.preset,  # type: ignore[union-attr]
        pole=np.append(pole, -rate + 1j * rate),
        weight=np.append(weight, jerk * (1 + 1j)),
        position=np.asarray(position),
        held=np.zeros(clock.count) if held is None else held,
        size=own.radius,
    )


# ---- blows -----------------------------------------------------------------------------------------------------------


def _in_air(trajectory: Trajectory, contacts: np.ndarray) -> np.ndarray:
    """Impacts that are not under a lake: of what sounds there a thousandth comes out (Rayleigh: 2 Z_air / Z_water)."""
    above = np.ones(len(contacts), bool)
    for lake in trajectory.lakes.values():
        rows, cols = lake.bed.shape
        k = np.floor((contacts["point"][:, 2] - lake.origin[1]) / lake.cell).astype(int)
        i = np.floor((contacts["point"][:, 0] - lake.origin[0]) / lake.cell).astype(int)
        inside = (k >= 0) & (k < rows) & (i >= 0) & (i < cols)
        wet = lake.bed[np.clip(k, 0, rows - 1), np.clip(i, 0, cols - 1)] < 0
        above &= ~(inside & wet & (contacts["point"][:, 1] < lake.level))
    return contacts[above]


def _blows(contacts: np.ndarray) -> list[np.ndarray]:
    """Impacts of one pair that are one blow, in order of time."""
    if not len(contacts):
        return []
    _, pair = np.unique(np.char.add(np.char.add(contacts["body_a"], "\0"), contacts["body_b"]), return_inverse=True)
    order = np.lexsort((contacts["time"], pair))
    groups: list[list[int]] = []
    for i in order:
        last = groups[-1] if groups else None
        if (
            last
            and pair[last[0]] == pair[i]
            and contacts["time"][i] - contacts["time"][last[-1]] < MERGE
            and contacts["time"][i] - contacts["time"][last[0]] < LONGEST
        ):
            last.append(int(i))
        else:
            groups.append([int(i)])
    return sorted((contacts[g] for g in groups), key=lambda rows: rows["time"][0])


def _strikes(rows: np.ndarray, bodies: dict[str, _Body], number: dict[str, int], floors: Floors) -> Iterator[Strike]:
    """A blow is felt by both bodies, in opposite directions."""
    impulse = float(rows["impulse"].sum())
    if not impulse > 0:
        return
    first = rows[0]
    names = (str(first["body_a"]), str(first["body_b"]))
    materials = (str(first["material_a"]), str(first["material_b"]))
    ends = [ELASTIC.get(m, ELASTIC["stone"]) for m in materials]
    speed = max(float(np.max(rows["approach_speed"])), 1e-3)
    round_ones = [bodies[name].curvature for name in names if name in bodies]
    if not round_ones:
        return
    curvature = 1 / sum(1 / radius for radius in round_ones)
    mass = impulse / (1.5 * speed)  # J = (1 + e) m v, with e between 0 and 1
    touch = float(np.clip(contact_time(mass, speed, curvature, *ends), 1e-5, 0.02))
    duration = touch + float(rows["time"][-1] - rows["time"][0])
    for side, name in enumerate(names):
        if name not in bodies:
            floor = floors.number(name, materials[side], names[1 - side])
            yield Strike(floor, float(first["time"]), duration, impulse, np.ones(1), materials[1 - side])
            continue
        sign = -1.0 if side == 0 else 1.0  # the normal points from a to b
        couplings = [bodies[name].coupling(float(r["time"]), r["point"], sign * r["normal"]) for r in rows]
        coupling = np.average(couplings, axis=0, weights=rows["impulse"])
        coupling[-1] = 1.0
        yield Strike(number[name], float(first["time"]), duration, impulse, coupling, materials[1 - side])


# ---- sliding and rolling ---------------------------------------------------------------------------------------------


def _rubs(
    trajectory: Trajectory, clock: _Clock, bodies: dict[str, _Body], number: dict[str, int], floors: Floors
) -> tuple[list[Rub], dict[str, np.ndarray]]:
    """What slides and rolls, and by how much lying on something damps each body."""
    states = trajectory.contact_states
    held: dict[str, np.ndarray] = {}
    if not len(states):
        return [], held
    known = np.array(sorted(bodies))
    states = states[np.isin(states["body_a"], known) | np.isin(states["body_b"], known)]
    if not len(states):
        return [], held
    _, first, pair = np.unique(
        np.char.add(np.char.add(states["body_a"], "\0"), states["body_b"]), return_index=True, return_inverse=True
    )
    found: list[tuple[float, Rub]] = []
    for p, start in enumerate(first):
        rows = states[pair == p]
        found += _rubs_of(rows, clock, bodies, number, floors)
        at, row = clock.row(rows["time"]), states[start]
        for name, other in ((row["body_a"], row["material_b"]), (row["body_b"], row["material_a"])):
            if str(name) in bodies:
                damping = held.setdefault(str(name), np.zeros(clock.count))
                damping[at] = np.maximum(damping[at], HELD + 0.5 * ELASTIC.get(str(other), ELASTIC["stone"]).alpha)
    found.sort(key=lambda item: -item[0])
    return [rub for _, rub in found[:RUBS]], held


def _rubs_of(
    rows: np.ndarray, clock: _Clock, bodies: dict[str, _Body], number: dict[str, int], floors: Floors
) -> list[tuple[float, Rub]]:
    """Of one pair, with how much it could be heard."""
    slip, roll = rows["slip"], rows["roll"]
    moving = np.maximum(slip, roll) > SLOW
    if not moving.any():
        return []
    at = clock.row(rows["time"])
    signals = {name: np.zeros(clock.count) for name in ("force", "slip", "roll")}
    for name, values in (("force", rows["force"]), ("slip", slip), ("roll", roll)):
        signals[name][at] = np.where(moving, values, 0)
    materials = (str(rows["material_a"][0]), str(rows["material_b"][0]))
    grain = min(ELASTIC.get(m, ELASTIC["stone"]).grain for m in materials)
    loudness = float(np.sum(signals["force"] * np.maximum(signals["slip"], signals["roll"])))
    found = []
    places = rows[moving][:: max(1, int(moving.sum()) // 16)]
    names = (str(rows["body_a"][0]), str(rows["body_b"][0]))
    for side, name in enumerate(names):
        if name not in bodies:
            floor = floors.number(name, materials[side], names[1 - side])
            rub = Rub(floor, **signals, coupling=np.ones(1), grain=grain, other=materials[1 - side])
            found.append((loudness / bodies[names[1 - side]].modes.mass, rub))
        else:
            each = np.stack([bodies[name].coupling(float(r["time"]), r["point"], r["normal"]) for r in places])
            coupling = np.sqrt(np.mean(each**2, axis=0))
            rub = Rub(number[name], **signals, coupling=coupling, grain=grain, other=materials[1 - side])
            found.append((loudness / bodies[name].modes.mass, rub))
    return found


# ---- liquids and air -------------------------------------------------------------------------------------------------


def _splashes(trajectory: Trajectory) -> tuple[Splash, ...]:
    """Blows of bodies at their instants; those of liquid on liquid, known once a frame, spread evenly over it.

    Golden-ratio steps leave no two of them together, and no rhythm of frames.
    """
    found = []
    for number, s in enumerate(trajectory.splashes):
        if s["energy"] <= 0 and s["air"] <= 0:
            continue
        early = 0.0 if s["body"] else (0.6180339887 * number) % 1.0 / trajectory.fps
        time = max(0.0, float(s["time"]) - early)
        found.append(Splash(time, np.asarray(s["point"], float), float(s["energy"]), float(s["air"])))
    return tuple(found)


def _currents(trajectory: Trajectory, clock: _Clock) -> tuple[Current, ...]:
    """Wind over everything, cloth that moves against the air, gas that leaves an opening."""
    from physim.forces import Wind
    from physim.over_time import value_at
    from physim.shapes import Emitter

    scene = trajectory.scene
    found = []
    everywhere = np.full((1, 3), np.nan)
    wind = np.stack([scene.wind_at(float(t)) for t in clock.times])
    if any(isinstance(f, Wind) for f in scene.forces):
        found.append(Current("wind", np.linalg.norm(wind, axis=1), 0.02, 1.0, everywhere))
    for track in trajectory.cloths.values():
        corners = track.dense_position[: clock.count, track.faces]
        normal = np.cross(corners[:, :, 1] - corners[:, :, 0], corners[:, :, 2] - corners[:, :, 0])
        twice = np.maximum(np.linalg.norm(normal, axis=-1), 1e-12)
        velocity = track.dense_velocity[: clock.count, track.faces].mean(axis=2)
        across = np.einsum("sfc,sfc->sf", velocity - velocity.mean(axis=1, keepdims=True), normal / twice[..., None])
        speed = np.sqrt(np.average(across**2, axis=1, weights=twice.mean(axis=0)))
        area = float(twice.mean(axis=0).sum() / 2)
        found.append(
            Current("cloth", _fitted(speed, clock.count), float(np.sqrt(area)) / 4, area, corners.mean(axis=(1, 2)))
        )
    for entity in scene.smokes:
        emitter = entity.shape
        assert isinstance(emitter, Emitter)
        if emitter.on:
            continue
        flow = np.array([np.linalg.norm(value_at(emitter.velocity, float(t))) for t in clock.times])
        speed = flow * ((clock.times >= emitter.start) & (clock.times < emitter.end))
        hot = getattr(entity.material, "temperature", 293.0) > 800
        kind = "fire" if hot else "jet"
        area = np.pi * emitter.radius**2 * max(1, len(emitter.points))
        found.append(Current(kind, speed, 2 * emitter.radius, area, np.asarray(emitter.centre, float)[None]))
    return tuple(found)


def _fitted(values: np.ndarray, count: int) -> np.ndarray:
    return values[:count] if len(values) >= count else np.pad(values, (0, count - len(values)), mode="edge")


def _room(trajectory: Trajectory) -> float:
    """How far the walls are, by the median of what the photo shows, where all of it is near; else open air [m]."""
    backdrop = trajectory.scene.backdrop
    if backdrop is None or np.percentile(backdrop.depth, 95) > FAR:
        return 0.0
    return float(np.median(backdrop.depth))
