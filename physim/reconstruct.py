"""Photo + shot to scene: camera, ground, depth, things, light, backdrop.

Every step can be overridden by a hint, and everything that was inferred is written to ``scene.backdrop.report``.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

import numpy as np

from physim.camera import Camera
from physim.camera_guess import guessed_camera
from physim.camera_plan import limited, path_from
from physim.daylight import Daylight
from physim.depth import FAR, bent_to_clicks, geometric, resampled
from physim.depth_align import AGREES, aligned, fit_to_ground
from physim.depth_file import load_depth
from physim.depth_result import GEOMETRIC, DepthBackend, DepthResult, ask, backend_name, check_aspect
from physim.forces import Impulse, Push, Wind
from physim.hint_check import doubts
from physim.join import add_joints
from physim.lake_photo import focus_lakes
from physim.layers import Layers
from physim.light import light_of
from physim.light_estimate import seen_things
from physim.liquid_photo import take_apart
from physim.photo import Photo
from physim.photo_things import hang_things, lift_things
from physim.place import add_cloth, add_emitter, add_shape
from physim.progress import Progress, untold
from physim.scene import Backdrop, Scene
from physim.selection import selected
from physim.separate import separate, without_drops
from physim.settle import bring_to_rest
from physim.shapes import Plane
from physim.shot import Shot
from physim.shot_depth import DEPTH_MODELS
from physim.shot_over_time import over_time

SKY = 0.005
"""Part of a photo that must be sky for a camera to look after it."""
WORK_SIDE = 640
"""Longer side of the grid on which depth is kept [pixels]; the photo's own masks and colours stay full size."""
LEAST_SIDE = 64
"""And its shorter side, if the photo has so many: a panorama keeps its rows [pixels]."""
GROUND = "ground"

_log = logging.getLogger(__name__)
DepthSource = DepthBackend | str | os.PathLike | None


def reconstruct(
    shot: Shot | str | os.PathLike,
    *,
    depth: DepthSource = None,
    picture: bool = True,
    progress: Progress | None = None,
) -> Scene:
    """Build the scene that a shot describes.

    Args:
        shot: A shot, or the path of a shot file.
        depth: Where depth comes from: ``None``, what ``hints.depth`` says; 'geometric', planes and hints; a file
            (:func:`physim.depth_file.load_depth`); or a callable from the photo (H, W, 3) to a
            :class:`physim.depth.DepthResult`, such as ``i2v.depth_backend("depth-anything", weights=...)``.
        picture: Whether it is to be drawn, too: light and backdrop. Without, the scene is only simulated.
        progress: Called with ('reconstruct', fraction done); see :mod:`physim.progress`.

    Returns:
        A scene with ``camera``, ``light``, ``backdrop``, forces, and all things as entities, ready to simulate.

    Raises:
        ValueError: A thing that cannot be where the shot says, named, with what to do about it.
    """
    if not isinstance(shot, Shot):
        shot = Shot.load(shot)
    tell = progress or untold
    tell("reconstruct", 0.0)
    photo = Photo.load(shot.photo)
    size = photo.image.shape[:2]
    tell("reconstruct", 0.1)
    focal = photo.focal_guess()[0] if photo.focal_35mm is not None else None
    given, source = _given_depth(shot, photo.image, depth, _known_focal(shot, size, focal))
    camera, report = guessed_camera(shot.hints, photo.image, exif_focal=focal, given=given)
    _warn(report := report | doubts(shot.hints, camera))
    covered = selected(shot, photo.image)
    layers, confidence = depth_layers(shot, photo.image, camera, covered, given, source, report)
    scene = Scene(gravity=over_time(shot.gravity), seed=shot.seed)
    scene.add(Plane(), name=_ground_name(shot))
    tell("reconstruct", 0.4)
    masks = lift_things(scene, shot, layers, covered, report)
    if picture:
        scene.light, lines = light_of(photo.image, camera, shot.hints, layers.point_at, *seen_things(scene, layers))
        tell("reconstruct", 0.6)
        pieces = separate(scene, shot, photo.image, layers, masks, covered, scene.light)
        plate = take_apart(scene, photo.image, pieces.plate, shot.things, masks, covered)
        report |= lines | pieces.report
    for thing in shot.things:
        if thing.shape is not None and thing.cloth is not None:
            add_cloth(scene, thing, layers)
        elif thing.shape is not None:
            add_shape(scene, thing, layers)
        elif thing.emit is not None:
            add_emitter(scene, thing, layers)
    focus_lakes(scene)
    add_joints(scene, shot)
    hang_things(scene, shot, camera, report)
    if shot.settle:
        tell("reconstruct", 0.9)
        _settle(scene, shot, report)
    _add_forces(scene, shot)
    _set_daylight(scene, shot, layers, report)
    _set_camera(scene, shot, camera, layers, report)
    if not picture:
        tell("reconstruct", 1.0)
        return scene
    scene.backdrop = Backdrop(
        photo=without_drops(photo.image, plate, pieces.hole, shot, masks),
        plate=plate,
        hole=pieces.hole,
        depth=layers.plate.astype(np.float32),
        ids=layers.ids,
        confidence=confidence.astype(np.float32),
        stills=tuple(pieces.stills),
        report=report,
    )
    tell("reconstruct", 1.0)
    return scene


def _warn(report: dict[str, str]) -> None:
    """Say aloud which hints cannot all be true."""
    for key, line in report.items():
        if key.startswith("doubt."):
            _log.warning("%s", line)


def _ground_name(shot: Shot) -> str:
    if any(thing.name == GROUND for thing in shot.things):
        raise ValueError(f"a thing is named {GROUND!r}, which is the name of the ground plane; choose another name.")
    return GROUND


def _known_focal(shot: Shot, size: tuple[int, int], exif: float | None) -> float | None:
    """Focal length [pixels] of the photo, if the user or EXIF gives it."""
    fov = shot.hints.camera.fov
    return exif if fov is None else 0.5 * size[1] / float(np.tan(np.radians(fov) / 2))


def _given_depth(
    shot: Shot, image: np.ndarray, depth: DepthSource, focal: float | None
) -> tuple[DepthResult | None, str]:
    """Depth from a file or a backend, ``None`` for geometry alone; and what to call it."""
    hint = shot.hints.depth
    if depth is None and hint.model is not None:
        raise ValueError(
            f"hints.depth.model {hint.model!r} is a network, which physim does not run: use i2v.animate, or pass "
            f"depth=i2v.depth_backend({hint.model!r}, weights={str(hint.weights)!r})."
        )
    if isinstance(depth, str) and depth in DEPTH_MODELS:
        raise ValueError(
            f"depth is {depth!r}, a network, which physim does not run: use i2v.animate, or pass "
            f"depth=i2v.depth_backend({depth!r}, weights=...)."
        )
    if callable(depth):
        return ask(depth, image, focal), backend_name(depth)
    if depth is None and hint.file is not None:
        path, result = hint.file, load_depth(hint.file, kind=hint.kind, unit=hint.unit)
    elif depth is None or depth == GEOMETRIC:
        return None, "geometric: planes, hints"
    else:
        path = Path(depth)
        result = load_depth(path)
    check_aspect(result, (image.shape[0], image.shape[1]), str(path))
    return result, path.name


def depth_layers(
    shot: Shot,
    image: np.ndarray,
    camera: Camera,
    covered: dict[str, np.ndarray],
    given: DepthResult | None,
    source: str,
    report: dict[str, str],
) -> tuple[Layers, np.ndarray]:
    """Depth of the empty scene: ground, surfaces, wall, sky; from geometry or from what is given."""
    rows, cols = camera.size
    shrink = min(1.0, max(WORK_SIDE / max(rows, cols), LEAST_SIDE / min(rows, cols)))
    size = (max(2, round(rows * shrink)), max(2, round(cols * shrink)))
    small = camera.resized(size)
    picture = resampled(image, size)
    lakes = {t.name for t in shot.things if t.liquid is not None and t.inside is None and not t.flies}
    moving = {t.name for t in shot.things if not t.still} - lakes
    result = geometric(
        picture,
        small,
        shot.hints,
        (rows, cols),
        _still_region(shot, covered, size),
        lifted=_region(covered, moving, size),
        level=_region(covered, lakes, size),
    )
    report["depth"] = f"{source}; clicks: {len(shot.hints.clicks)}; surfaces: {len(shot.hints.surfaces)}"
    if given is not None:
        ground, level = result.confidence >= 0.5, result.depth
        fit = fit_to_ground(given, result.depth, ground)
        report["depth.ground"] = fit.line
        result = aligned(given, small, result, ground, fit)
        if shot.hints.clicks:
            flat = ground & (np.abs(result.depth / level - 1) < AGREES)
            depth, sure = bent_to_clicks(
                picture, result.depth, result.confidence, flat, shot.hints.clicks, (rows, cols)
            )
            return Layers(small, np.clip(depth, 1e-3, FAR), camera), sure
    return Layers(small, result.depth, camera), result.confidence


def _still_region(shot: Shot, covered: dict[str, np.ndarray], size: tuple[int, int]) -> np.ndarray | None:
    """Where still layers are, on the depth grid (h, w) bool: the plate goes on behind them."""
    still = [covered[t.name] for t in shot.things if t.still and t.name in covered]
    return resampled(np.maximum.reduce(still), size) > 0.05 if still else None


def _region(covered: dict[str, np.ndarray], names: set[str], size: tuple[int, int]) -> np.ndarray | None:
    """Where the named things of the photo are, on the depth grid (h, w) bool."""
    some = [covered[name] for name in sorted(names) if name in covered]
    return resampled(np.maximum.reduce(some), size) > 0.2 if some else None


def _settle(scene: Scene, shot: Shot, report: dict[str, str]) -> None:
    """Nudge what rests nearby to rest, and tell of what the photo shows at rest and will not stay."""
    names = [
        thing.name
        for thing in shot.things
        if thing.select is not None
        and thing.rigid is not None
        and not thing.release
        and thing.name in scene.entities
        and not (thing.lift.depth is not None and (any(thing.velocity) or any(thing.angular_velocity)))
    ]
    lines, bad = bring_to_rest(scene, names)
    report |= lines
    for name, drift in bad.items():
        _log.warning(
            "%s is not at rest: it %s. It was lifted to: %s, %s. Look at its outline, hints.camera and the thing below "
            "it, choose %s.lift.kind, let it hang, or say `settle: false`.",
            name, drift.line, report[f"{name}.solid"].split(",")[0], report[f"{name}.stands"], name,
        )  # fmt: skip


def _add_forces(scene: Scene, shot: Shot) -> None:
    bodies = {body.name for body in scene.bodies}
    for force in shot.forces:
        if force.wind is not None:
            blow = force.wind
            end = float("inf") if blow.end is None else blow.end
            scene.add(Wind(over_time(blow.velocity), blow.gust, shot.seed, blow.start, end, blow.rise))
        acting = force.impulse or force.push
        if acting is not None and acting.on not in bodies:
            known = ", ".join(sorted(bodies)) or "none"
            raise ValueError(f"a force acts on {acting.on!r}, which is no rigid thing. Rigid things: {known}.")
        if force.push is not None:
            push_on = force.push
            end = float("inf") if push_on.end is None else push_on.end
            scene.add(Push(push_on.on, over_time(push_on.newtons), push_on.start, end, push_on.point))
        if force.impulse is not None:
            push = force.impulse
            scene.add(Impulse(push.on, push.newton_seconds, push.at, push.point))


def _set_daylight(scene: Scene, shot: Shot, layers: Layers, report: dict[str, str]) -> None:
    """How the light changes from the photo's on."""
    given = shot.light
    if given is None:
        return
    elevation, turn, tint = (
        None if each is None else over_time(each) for each in (given.elevation, given.turn, given.tint)
    )
    scene.daylight = Daylight(
        scene.light,
        elevation,
        turn,
        tint,
        given.start,
        given.adapts,
        holds_sky=bool(np.mean(layers.visible >= FAR / 2) > SKY),
    )
    report["light.changes"] = (
        f"from the photo's, {scene.daylight.start:.0f} degrees high, {scene.light.source}; shadows that are in the "
        "photo stay where they are"
    )


def _set_camera(scene: Scene, shot: Shot, camera: Camera, layers: Layers, report: dict[str, str]) -> None:
    """Camera moves, as far as the photo can show them."""
    rows, cols = layers.visible.shape
    centre = float(np.median(layers.visible[rows // 2 - 2 : rows // 2 + 3, cols // 2 - 2 : cols // 2 + 3]))
    path = path_from(shot.camera, camera, seconds=shot.seconds, orbit_distance=centre, seed=shot.seed, cuts=shot.cuts)
    scene.camera = path
    if path.is_static:
        return
    shorter, asked, part = limited(path, layers.visible, seconds=shot.seconds)
    report["camera.moves"] = (
        f"{asked.parallax:.1f} pixels of parallax at 800 wide, {asked.outside:.1%} beyond the photo's borders"
    )
    if part == 1.0:
        return
    if not all(move.limit for move in shot.camera):
        _log.warning("the camera's moves ask for more than the photo shows: %s.", asked.excess)
        return
    scene.camera = shorter
    report["camera.moves"] += f"; shortened to {part:.0%}"
    _log.warning(
        "the camera's moves are shortened to %.0f %%: %s. Ask for less, zoom in, or say `limit: false`.",
        100 * part, asked.excess,
    )  # fmt: skip
