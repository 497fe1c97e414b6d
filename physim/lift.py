"""From a mask in the photo to a closed solid in the world that casts the same outline.

A solid stands on something: its lowest point touches the support, which turns the outline's size into metres.
``auto`` fits a sphere, an upright and a lying cylinder, an upright box and a tapered cylinder (:mod:`physim.lift_fit`)
and takes the simplest that casts the outline; where none does, a turned body (:mod:`physim.lift_turned`) if one does,
seen from above a primitive that casts all but a thin part, else the outline itself is extruded along the lines of
sight. A ``box`` that no box fits is cut to the outline (:mod:`physim.lift_cut`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from physim.camera import Camera
from physim.lift_cut import cut_box
from physim.lift_extrude import extrude
from physim.lift_fit import Fit, Silhouette, box, cylinder, lying_cylinder, sphere, tapered
from physim.lift_handle import with_handle, without_thin
from physim.lift_turned import turned, turned_pieces
from physim.lifted import Lifted, centred, foot_of, point, seen_on, unseen
from physim.outline import outline, without_pinches
from physim.recall import remembered
from physim.shapes import Mesh, Sphere, Triangles
from physim.shot import Lift
from physim.view import on_plane
from physim.zbuffer import placed

GOOD = 0.9
"""Intersection over union with the mask from which a form counts as the thing's own."""
CERTAIN = 0.965
"""And from which nothing else is tried."""
BETTER = 0.02
"""A turned body must overlap by this much more than a primitive to be preferred."""
STEEP = 35.0
"""Seen from further above, an outline is no profile, and a turned body is not tried [degrees]."""
TOP = 0.2
"""Foot of a turned body over its height of mass, below which it would fall by itself: it is none."""
FULL = 0.93
"""Primitives have convex outlines: at least this part of the outline's convex hull must be filled."""
SMOOTH, SURE = 0.965, 0.95
"""Below the first fullness a primitive must overlap by the second: it may be a coarse outline, or another form."""
CLOSE, SHARP = 1.3, 0.22
"""Of primitives whose outlines err by up to ``CLOSE`` times the best one's, or ``SHARP`` pixels, the simplest."""


@remembered
def lift(
    mask: np.ndarray,
    camera: Camera,
    spec: Lift,
    *,
    support: float,
    name: str = "thing",
    free: np.ndarray | None = None,
) -> Lifted:
    """Make the solid of a thing of the photo.

    Args:
        mask: (H, W) bool on the camera's grid.
        camera: Of the photo.
        spec: What the user said.
        support: Height of what it stands on [m].
        name: For messages.
        free: (H, W) bool: where other things may hide this one.

    Raises:
        ValueError: The support cannot be seen where the thing stands.
    """
    mask = without_pinches(np.asarray(mask, dtype=bool))
    if spec.radius is not None:
        return _known_sphere(mask, camera, spec.radius, spec.depth, support, name)
    if spec.kind == "revolve" and spec.profile is not None:
        return _revolve(mask, camera, spec, support, name)
    if spec.kind in ("extrude", "card"):
        return extrude(mask, camera, spec, support, name)
    if spec.depth is not None:
        support = _support_at_depth(mask, camera, spec.depth)
    if spec.kind == "revolve":
        made = _turned(mask, camera, support, name, free)
        return made if made is not None else extrude(mask, camera, spec, support, name)
    outline = Silhouette(mask, camera, free)
    best = _primitive(outline, mask, camera, spec, support, name)
    if spec.kind == "box" and best.overlap < GOOD and spec.height is None and _slope(mask, camera) <= STEEP:
        cut = cut_box(mask, camera, support)
        return cut if cut is not None and cut.overlap > best.overlap else best
    if spec.kind != "auto":
        return best
    if best.overlap >= CERTAIN and outline.fullness >= FULL:
        return best
    if spec.height is None and _slope(mask, camera) > STEEP:
        handled = _with_handle(outline, mask, camera, spec, support, name, free)
        if handled is not None and handled.overlap >= max(GOOD, best.overlap):
            return handled
    others = [extrude(mask, camera, spec, support, name)] if spec.height is None else []
    round_one = None
    if spec.height is None and _slope(mask, camera) <= STEEP:
        round_one = _turned(mask, camera, support, name, free)
    if round_one is not None and round_one.overlap >= GOOD and _stands(round_one):
        others.insert(0, round_one)
    needed = GOOD if outline.fullness >= SMOOTH else SURE
    if best.overlap >= needed and (outline.fullness >= FULL or outline.covered):
        others = [one for one in others if one is round_one and one.overlap > best.overlap + BETTER]
        return others[0] if others else best
    return others[0] if others else extrude(mask, camera, spec, support, name)


def _primitive(outline: Silhouette, mask, camera: Camera, spec: Lift, support: float, name: str) -> Lifted:
    """The simplest primitive among those that cast the outline about equally well."""
    starts = _upright_starts(mask, camera, spec, support, name)
    upright = [np.array([s.x, s.z, s.half, s.height]) for s in starts]
    found: list[Fit | None] = []
    # of what is seen lying the height is not that of its axis, and a sphere's height would be its width
    if spec.kind == "sphere" or (spec.kind == "auto" and spec.height is None):
        found.append(_sphere(outline, mask, camera, support, name, spec))
    if spec.kind in ("cylinder", "auto"):
        found.append(cylinder(outline, support, upright, spec.height))
        if spec.height is None and not _cut(mask):
            found.append(lying_cylinder(outline, support, upright))
    if spec.kind in ("box", "auto"):
        found.append(box(outline, support, upright, spec.height))
    if spec.kind == "auto":
        found.append(tapered(outline, support, upright, spec.height))
    fits = [fit for fit in found if fit is not None]
    least = min(fit.residual for fit in fits)
    fit = next(fit for fit in fits if fit.residual <= max(CLOSE * least, SHARP))
    fit, overlap = outline.refined(fit)
    return Lifted(fit.shape, fit.position, fit.orientation, overlap, fit.how)


def _with_handle(
    outline: Silhouette, mask, camera: Camera, spec: Lift, support: float, name: str, free: np.ndarray | None
) -> Lifted | None:
    """A primitive that casts the outline but for what is thin, and that as a handle; None if none does."""
    body = without_thin(mask)
    alone = Silhouette(body, camera, free) if body is not None else None
    if alone is None or alone.fullness < SMOOTH:
        return None
    made = _primitive(alone, body, camera, spec, support, name)
    if made.overlap < SURE:
        return None
    whole = with_handle(made, mask, camera, support) or made
    mesh = placed(whole.shape.triangles, whole.position, whole.orientation)
    return replace(whole, overlap=outline.overlap(mesh))


def _cut(mask: np.ndarray) -> bool:
    """Whether the thing goes on outside of the photo, where any form fits; few are lying cylinders."""
    return bool(mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any())


def _sphere(outline: Silhouette, mask, camera: Camera, support: float, name: str, spec: Lift) -> Fit | None:
    """A sphere's outline lies on a cone: ray . axis = cos(angle). Standing on the support fixes its distance.

    One that the photo looks up at stands on nothing: it is in the air, its centre at ``spec.depth``.
    """
    rays = _rim_rays(mask, camera)
    axis, *_ = np.linalg.lstsq(rays, np.ones(len(rays)), rcond=None)
    cosine = min(1 / float(np.linalg.norm(axis)), 1.0)
    axis, sine = axis * cosine, np.sqrt(1 - cosine**2)
    denominator, drop = axis[1] - sine, support - float(camera.position[1])
    if denominator < 0 and drop < 0:
        distance = drop / denominator
        return sphere(outline, support, (camera.position + distance * axis, float(distance * sine)))
    if spec.kind != "sphere":
        return None
    if spec.depth is None:
        raise ValueError(
            f"{name} as a sphere on y = {support:g} m, seen from y = {camera.position[1]:.3g} m: the photo looks up at "
            f"it, so it cannot stand there. If it is in the air, give {name}.lift.depth; else look at hints.camera, or "
            f"choose another {name}.lift.kind."
        )
    distance = spec.depth / float(axis @ camera.world_from_camera[:3, 2])
    return sphere(outline, None, (camera.position + distance * axis, float(distance * sine)))


def _known_sphere(mask, camera: Camera, radius: float, depth: float | None, support: float, name: str) -> Lifted:
    """A sphere of known size behind the middle of its outline, however smeared: on its support or in the air."""
    v, u = np.nonzero(mask)
    middle = np.array([u.mean() + 0.5, v.mean() + 0.5])
    if depth is not None:
        centre = camera.unproject(middle, depth)
    else:
        centre = on_plane(camera, middle, support + radius)
        if not np.isfinite(centre).all():
            raise unseen(name, support + radius)
    solid = Sphere(radius)
    overlap = Silhouette(mask, camera).overlap(placed(solid.triangles, point(centre), (0.0, 0.0, 0.0, 1.0)))
    return Lifted(solid, point(centre), overlap=overlap, how="sphere of known size")


def _turned(mask, camera: Camera, support: float, name: str, free: np.ndarray | None) -> Lifted | None:
    """A turned body that fills the outline and what may hide it."""
    foot = on_plane(camera, foot_of(mask, camera), support)
    if not np.isfinite(foot).all():
        return None
    outline = Silhouette(mask, camera, free)
    allowed = mask.copy()
    v0, u0 = outline.corner[1], outline.corner[0]
    window = (slice(v0, v0 + outline.free.shape[0]), slice(u0, u0 + outline.free.shape[1]))
    allowed[window] |= outline.free
    found = turned(allowed, camera, foot, support)
    if found is None:
        return None
    mesh, pieces = found
    return centred(mesh, outline.overlap(mesh), "turned body", pieces)


def _slope(mask, camera: Camera) -> float:
    """How far down a thing is looked at [degrees]."""
    return float(np.degrees(np.arcsin(np.clip(-camera.rays(foot_of(mask, camera))[1], -1, 1))))


def _stands(body: Lifted) -> bool:
    """Whether a turned body has a foot to stand on."""
    points = body.shape.triangles.vertices
    foot = points[points[:, 1] <= points[:, 1].min() + 1e-3 * np.ptp(points[:, 1])]
    return float(np.hypot(foot[:, 0], foot[:, 2]).max()) >= TOP * -float(points[:, 1].min())


# ---- outlines --------------------------------------------------------------------------------------------------------


def _rim_rays(mask: np.ndarray, camera: Camera) -> np.ndarray:
    return camera.rays(outline(mask, tolerance=0.3))


def _support_at_depth(mask: np.ndarray, camera: Camera, depth: float) -> float:
    """Height of the foot of a thing that stands ``depth`` away along the view axis [m]."""
    return float(camera.unproject(foot_of(mask, camera), depth)[1])


# ---- first guesses ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Start:
    x: float
    z: float
    half: float
    height: float


def _upright_starts(mask: np.ndarray, camera: Camera, spec: Lift, support: float, name: str) -> list[_Start]:
    """Two first guesses: the outline is mostly the top (seen from above), or mostly the side (seen from in front)."""
    starts = []
    flat = on_plane(camera, outline(mask, tolerance=0.5), support + (spec.height or 0.0))
    low, high = flat.min(0), flat.max(0)  # not a number where part of the outline is above the horizon
    half = float(min(high[0] - low[0], high[2] - low[2]) / 2)
    if np.isfinite(half) and half > 0:
        starts.append(_Start((low[0] + high[0]) / 2, (low[2] + high[2]) / 2, half, spec.height or 0.5 * half))
    pixel = foot_of(mask, camera)
    foot = on_plane(camera, pixel, support)
    if np.isfinite(foot).all():
        depth = camera.project(foot)[1]
        rows, cols = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        half = 0.5 * (cols[-1] + 1 - cols[0]) * float(depth) / camera.focal
        tall = (rows[-1] + 1 - rows[0]) * float(depth) / camera.focal
        ahead = foot - camera.position
        ahead[1] = 0
        ahead /= max(np.linalg.norm(ahead), 1e-9)
        steep = abs(camera.rays(pixel)[1])
        height = spec.height or max((tall - 2 * half * steep) / max(np.sqrt(1 - steep**2), 0.2), 0.2 * half)
        starts.append(_Start(foot[0] + half * ahead[0], foot[2] + half * ahead[2], half, height))
    if not starts:
        raise unseen(name, support)
    return starts


def _revolve(mask: np.ndarray, camera: Camera, spec: Lift, support: float, name: str) -> Lifted:
    """A turned thing: its top is the rim ``circle``, or, without one, its foot stands on the support."""
    assert spec.profile is not None
    profile = np.array(spec.profile, dtype=np.float64)
    if (profile[:, 0] < 0).any():
        raise ValueError(f"{name}.lift.profile has a negative radius; radii are distances from the axis.")
    ends = [np.array([[0.0, profile[k, 1]]]) if profile[k, 0] > 0 else np.zeros((0, 2)) for k in (0, -1)]
    mesh = Mesh.revolved(np.concatenate([ends[0], profile, ends[1]])).triangles
    target = Silhouette(mask, camera)
    if spec.circle is not None:
        x, z = rim_axis(camera, spec.circle.ellipse, spec.circle.height, name)
        lowered = spec.circle.height - profile[:, 1].max()
    else:
        lowered = support - profile[:, 1].min()
        base = seen_on(mask, camera, support, name)
        start = np.array([base[:, 0].mean(), base[:, 2].mean()])
        cloud = mesh.vertices + np.array([0, lowered, 0])
        x, z = target.placed_at(cloud, start, 0.3 * float(profile[:, 0].max()))
    world = Triangles(mesh.vertices + np.array([x, lowered, z]), mesh.faces)
    rising = bool((np.diff(profile[:, 1]) > 0).all())  # a vessel's profile comes down again, inside
    pieces = turned_pieces(profile) if rising else []
    return centred(world, target.overlap(world), "turned profile", [p + np.array([x, lowered, z]) for p in pieces])


def rim_axis(camera: Camera, ellipse: tuple[float, ...], height: float, name: str = "circle") -> tuple[float, float]:
    """World (x, z) of the centre of a horizontal circle at y = ``height`` seen as an ellipse [m].

    Least-squares circle through the rim laid on that plane; the ellipse's own centre would be off by perspective.
    """
    from physim.segment import ellipse_points

    rim = on_plane(camera, ellipse_points(ellipse), height)
    if not np.isfinite(rim).all():
        raise ValueError(
            f"{name}: part of the circle at y = {height:g} m lies above the horizon. Look at hints.camera."
        )
    x, z = rim[:, 0], rim[:, 2]
    system = np.stack([2 * x, 2 * z, np.ones_like(x)], axis=1)
    (cx, cz, _), *_ = np.linalg.lstsq(system, x**2 + z**2, rcond=None)
    return float(cx), float(cz)
