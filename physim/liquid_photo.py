"""A liquid that the photo shows in a cup: its level, the hollow it fills, and the cup without it.

Its surface is level and ends where the cup's inside cuts that plane; the level is that at which this outline, as far as
the rim lets it be seen, agrees best with the selection. A thing that was lifted without a hollow gets a round bowl.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.ndimage import gaussian_filter

from physim.clean_plate import Choice, clean_plate
from physim.grow import dilated
from physim.layers import Layers
from physim.lifted import Lifted, centred
from physim.matte import RING, cut_out
from physim.outline import largest_part, outline
from physim.place import material_of
from physim.scene import Cutout, Scene
from physim.separate import grown_count, others_of
from physim.shapes import Mesh, Triangles
from physim.shot import Thing
from physim.srgb import to_linear, to_srgb
from physim.view import on_plane
from physim.zbuffer import placed

AROUND = 64
"""Directions in which a hollow is felt."""
RINGS = 16
"""Of the liquid's underside."""
LEVELS = 32
"""Levels that are tried."""
AGREES = 0.6
"""Intersection over union of the liquid's outline with the selection from which the hollow is believed."""
SIDE = 120
"""Longer side of the grid on which outlines are compared [samples]."""
RIM = 0.15
"""A bowl's rim lies this far above the liquid [radii of its surface]."""
WALL = 1.12
"""Outer radius of a bowl over that of the surface, at least."""
HIGHLIGHT = 0.85
"""What is brighter in all its colours is a highlight of the glaze, which says nothing of its colour [sRGB]."""
SMOOTH = 4.0
"""Standard deviation of the blur that takes the grain from a fill [pixels]."""
FILM = 1.5e-4
"""Thickness of what clings to a wall [m]: Landau and Levich's 0.94 l Ca^(2/3) at some tenths of a metre per second."""


def add_photo_liquid(scene: Scene, thing: Thing, layers: Layers, holder: np.ndarray, covered: np.ndarray) -> str:
    """Fill the thing of the photo that holds this liquid and is seen in ``holder`` (H, W) bool; returns a line.

    The liquid is seen where ``covered`` (H, W), in [0, 1].

    A thing without a hollow is replaced by a bowl of its own height.

    Raises:
        ValueError: The outline cannot be a level surface in that thing.
    """
    assert thing.select is not None and thing.liquid is not None and thing.inside is not None
    mask = largest_part(covered >= 0.5)
    if (mask & holder).sum() < 0.5 * mask.sum():
        raise ValueError(
            f"{thing.name} is seen beside {thing.inside!r}: less than half of its selection lies in that thing's. Look "
            f"at {thing.name}.select and {thing.inside}.select, which holds what is inside of it too."
        )
    mesh = _mesh_of(scene, thing.inside)
    target = _Target(mask)
    found = _best_level(mesh, target, layers, thing)
    form = "its hollow"
    if found is None:
        _make_bowl(scene, thing, mask, layers)
        mesh = _mesh_of(scene, thing.inside)
        found = _best_level(mesh, target, layers, thing, least=0.0)
        form = "a round bowl"
    if found is None:
        raise ValueError(
            f"{thing.name} is not seen inside of {thing.inside!r}: no level surface in it has that outline. Look at "
            f"{thing.inside}.lift, at {thing.name}.select, or give {thing.name}.liquid.level."
        )
    level, overlap = found
    solid = _filling(mesh, level, _centre_at(mesh, level, target, layers))
    scene.add(
        solid.shape, material_of(thing), name=thing.name, position=solid.position, velocity=thing.velocity,
        cutout=_cutout(covered), inside=thing.inside,
    )  # fmt: skip
    seen = placed(solid.shape.triangles, solid.position)
    layers.add(seen, mask, scene.number_of(thing.name), moves=True)
    return (
        f"level y = {level:.4g} m, {solid.shape.volume * 1e6:.3g} cm^3 in {form}, outline agrees to {overlap:.2f}"
    )  # fmt: skip


def without_liquids(
    photo: np.ndarray, things: list[Thing], masks: dict[str, np.ndarray], covered: dict[str, np.ndarray],
    films: dict[str, np.ndarray] | None = None,
) -> dict[str, np.ndarray]:  # fmt: skip
    """The photo (H, W, 3) as it would be with empty cups, by the name of the cup.

    What a liquid hides of its cup is filled from what is seen of that, highlights aside, as smooth as glaze is.
    ``films``: what the film that a liquid leaves on its cup lets through, (3,) by the liquid's name.
    """
    found: dict[str, np.ndarray] = {}
    for thing in things:
        if thing.select is None or thing.inside is None or thing.inside not in masks:
            continue
        hidden = dilated(covered[thing.name] >= 0.5, 3 * max(1.0, photo.shape[1] / 800))
        outside = ~masks[thing.inside] & ~hidden
        empty = found.get(thing.inside, photo)
        smooth = (Choice(hidden, "smooth"),)  # glazed, or glass
        bright = dilated(photo.min(axis=-1) > HIGHLIGHT, 2.0) & ~hidden
        around = dilated(hidden, 8.0) & ~hidden & ~outside
        if (bright & around).sum() < 0.6 * around.sum():  # else it is a white cup, and no highlight
            outside = outside | bright
        filled = clean_plate(empty, hidden, forbidden=outside, choices=smooth)[0]
        found[thing.inside] = _glazed(filled, hidden, (films or {}).get(thing.name, np.ones(3)))
    return found


def _glazed(filled: np.ndarray, hidden: np.ndarray, film: np.ndarray) -> np.ndarray:
    """A filled region without the grain it was given, since glaze has none, seen through a film of what was there."""
    weight = gaussian_filter(hidden.astype(np.float32), SMOOTH)
    soft = np.stack([gaussian_filter(to_linear(filled[..., c]) * hidden, SMOOTH) for c in range(3)], axis=-1)
    out = filled.copy()
    out[hidden] = to_srgb(soft[hidden] / weight[hidden][:, None] * film).astype(np.float32)
    return out


def _cutout(covered: np.ndarray) -> Cutout:
    """Filled with colours later, when the photo is taken apart; here its place."""
    rows, cols = np.flatnonzero((covered > 0).any(1)), np.flatnonzero((covered > 0).any(0))
    crop = covered[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    blank = np.zeros((*crop.shape, 3), np.float32)
    return Cutout(blank, np.ascontiguousarray(crop, dtype=np.float32), (int(cols[0]), int(rows[0])))


def take_apart(
    scene: Scene,
    photo: np.ndarray,
    plate: np.ndarray,
    things: list[Thing],
    masks: dict[str, np.ndarray],
    covered: dict[str, np.ndarray],
) -> np.ndarray:
    """Give the liquids their pixels and empty their cups; returns the plate (H, W, 3) with empty cups.

    Args:
        scene: Its liquids of the photo and their cups are replaced by ones with these cutouts.
        photo: (H, W, 3) sRGB.
        plate: (H, W, 3) sRGB: the photo without what moves.
        things: Of the shot.
        masks: (H, W) bool of the photo's solid things, by name.
        covered: (H, W) in [0, 1] of every thing of the photo, by name.
    """
    empty = without_liquids(photo, things, masks, covered, _films(scene, things))
    plate = plate.copy() if empty else plate
    for thing in things:
        if thing.inside not in empty or thing.select is None:
            continue
        cutout = scene[thing.name].cutout
        assert cutout is not None
        (u, v), (h, w) = cutout.corner, cutout.alpha.shape
        own = np.ascontiguousarray(photo[v : v + h, u : u + w], dtype=np.float32)
        scene.entities[thing.name] = replace(scene[thing.name], cutout=replace(cutout, colour=own))
        cup, mask = scene[thing.inside], masks[thing.inside]
        if cup.cutout is not None:
            reach, others = (cup.cutout.reach or 0.0) / RING, others_of(mask, grown_count(masks))
            emptied = cut_out(empty[thing.inside], mask, plate, reach=reach, others=others)
            scene.entities[cup.name] = replace(cup, cutout=emptied)
        else:
            changed = (empty[thing.inside] != photo).any(-1)
            plate[changed] = empty[thing.inside][changed]
    return plate


def _films(scene: Scene, things: list[Thing]) -> dict[str, np.ndarray]:
    """What films of the liquids let through on the way in and out, (3,) by name."""
    films = {}
    for thing in things:
        if thing.inside is not None and thing.name in scene.entities:
            absorption = getattr(scene[thing.name].material, "absorption", None)
            if absorption is not None:
                films[thing.name] = np.exp(-2 * FILM * np.asarray(absorption, dtype=np.float64))
    return films


# ---- the hollow ------------------------------------------------------------------------------------------------------


class _Target:
    """The selection on a coarse grid of pixels."""

    def __init__(self, mask: np.ndarray) -> None:
        rows, cols = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        extent = max(rows[-1] - rows[0], cols[-1] - cols[0]) + 1
        pad, stride = 2 + extent // 4, max(1, int(np.ceil(1.5 * extent / SIDE)))
        v = np.arange(max(rows[0] - pad, 0), min(rows[-1] + 1 + pad, mask.shape[0]), stride)
        u = np.arange(max(cols[0] - pad, 0), min(cols[-1] + 1 + pad, mask.shape[1]), stride)
        self.full = mask
        self.mask = mask[v][:, u]
        self.pixels = np.stack(np.meshgrid(u + 0.5, v + 0.5), axis=-1)
        self.middle = np.array([(cols[0] + cols[-1] + 1) / 2, (rows[0] + rows[-1] + 1) / 2])

    def overlap(self, *loops: np.ndarray) -> float:
        """Intersection over union with what lies in all of these convex outlines (N, 2) [pixels]."""
        inside = np.ones(self.mask.shape, dtype=bool)
        for loop in loops:
            to = np.roll(loop, -1, axis=0) - loop
            away = self.pixels[..., None, :] - loop
            side = to[:, 0] * away[..., 1] - to[:, 1] * away[..., 0]
            inside &= (side >= 0).all(-1) | (side <= 0).all(-1)
        return float((inside & self.mask).sum() / max((inside | self.mask).sum(), 1))


def _mesh_of(scene: Scene, name: str) -> Triangles:
    entity = scene[name]
    return placed(entity.shape.triangles, entity.position, entity.orientation)  # type: ignore[union-attr]


def _best_level(
    mesh: Triangles, target: _Target, layers: Layers, thing: Thing, *, least: float = AGREES
) -> tuple[float, float] | None:
    """Height of the surface [m] and how well its outline agrees; ``None`` if no level does."""
    assert thing.liquid is not None
    low, high = mesh.vertices[:, 1].min(), mesh.vertices[:, 1].max()
    levels = low + (high - low) * (np.arange(LEVELS) + 0.5) / LEVELS
    rings = {float(y): _ring(mesh, float(y), target, layers) for y in levels}
    hollow = {y: ring for y, ring in rings.items() if ring is not None}
    if not hollow:
        return None
    rim = layers.photo_camera.project(hollow[max(hollow)])[0]
    if thing.liquid.level is not None:
        levels = np.array([thing.liquid.level])
    else:
        levels = np.linspace(min(hollow), max(hollow), 4 * LEVELS)
    best: tuple[float, float] | None = None
    for y in levels:
        ring = _ring(mesh, float(y), target, layers)
        if ring is None:
            continue
        score = target.overlap(layers.photo_camera.project(ring)[0], rim)
        if score >= least and (best is None or score > best[1]):
            best = float(y), score
    return best


def _centre_at(mesh: Triangles, level: float, target: _Target, layers: Layers) -> np.ndarray:
    ring = _ring(mesh, level, target, layers)
    assert ring is not None
    return ring[:, [0, 2]].mean(axis=0)


def _ring(mesh: Triangles, level: float, target: _Target, layers: Layers) -> np.ndarray | None:
    """Where the inside of a hollow cuts the plane y = ``level``: world points (N, 3) in order, or ``None``."""
    start = on_plane(layers.photo_camera, target.middle[None], level)[0]
    if not np.isfinite(start).all():
        return None
    angle = 2 * np.pi * np.arange(AROUND) / AROUND
    ways = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    segments, inward = _cut(mesh, level)
    if len(segments) == 0:
        return None
    centre = start[[0, 2]]
    for _ in range(3):  # about the middle of what was felt
        reach, facing = _felt(segments, inward, centre, ways)
        if not np.isfinite(reach).all() or not facing.all():
            return None
        ring = centre + reach[:, None] * ways
        centre = ring.mean(axis=0)
    return np.column_stack([ring[:, 0], np.full(AROUND, level), ring[:, 1]])


def _cut(mesh: Triangles, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Segments (M, 2, 2) of (x, z) in which the plane cuts the mesh, and the outward normals' (x, z) there (M, 2)."""
    corners = mesh.vertices[mesh.faces].astype(np.float64)
    y = corners[..., 1] - level
    y = np.where(y == 0, 1e-12, y)
    crossed = (y > 0).any(1) & (y < 0).any(1)
    corners, y = corners[crossed], y[crossed]
    if len(corners) == 0:
        return np.zeros((0, 2, 2)), np.zeros((0, 2))
    positive = (y > 0).sum(1) == 1
    single = np.where(positive, np.argmax(y, axis=1), np.argmin(y, axis=1))
    rows = np.arange(len(y))
    ends = []
    for other in ((single + 1) % 3, (single + 2) % 3):
        part = y[rows, single] / (y[rows, single] - y[rows, other])
        p = corners[rows, single] + part[:, None] * (corners[rows, other] - corners[rows, single])
        ends.append(p[:, [0, 2]])
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, [0, 2]]
    return np.stack(ends, axis=1), normal


def _felt(
    segments: np.ndarray, outward: np.ndarray, centre: np.ndarray, ways: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Distance (N,) to the nearest segment along each way, and whether it is seen from outside of the solid (N,)."""
    a, along = segments[:, 0] - centre, segments[:, 1] - segments[:, 0]
    cross = ways[:, None, 0] * along[None, :, 1] - ways[:, None, 1] * along[None, :, 0]
    safe = np.where(np.abs(cross) < 1e-15, np.inf, cross)
    reach = (a[:, 0] * along[:, 1] - a[:, 1] * along[:, 0])[None] / safe
    part = (a[None, :, 0] * ways[:, None, 1] - a[None, :, 1] * ways[:, None, 0]) / safe
    hit = np.isfinite(safe) & (reach > 0) & (part >= -1e-6) & (part <= 1 + 1e-6)
    reach = np.where(hit, reach, np.inf)
    nearest = reach.argmin(axis=1)
    return reach.min(axis=1), (outward[nearest] * ways).sum(axis=1) < 0


def _filling(mesh: Triangles, level: float, centre: np.ndarray) -> Lifted:
    """What fills the hollow under the level: rings about the centre, each point lowered to the cup's inside."""
    angle = 2 * np.pi * np.arange(AROUND) / AROUND
    ways = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    reach, _ = _felt(*_cut(mesh, level), centre, ways)
    share = np.arange(1, RINGS + 1) / RINGS
    spots = centre + share[:, None, None] * 0.999 * reach[None, :, None] * ways[None]
    flat = np.concatenate([centre[None], spots.reshape(-1, 2)])
    under = _below(mesh, flat, level)
    bottom = np.column_stack([flat[:, 0], under, flat[:, 1]])
    top = np.column_stack([spots[-1, :, 0], np.full(AROUND, level), spots[-1, :, 1]])
    vertices = np.concatenate([bottom, top, [[centre[0], level, centre[1]]]])
    k, next_ = np.arange(AROUND), (np.arange(AROUND) + 1) % AROUND
    first, upper, peak = 1, len(bottom), len(vertices) - 1
    outer = first + (RINGS - 1) * AROUND
    faces = [np.stack([np.zeros(AROUND, int), first + k, first + next_], axis=1)]
    for r in range(RINGS - 1):
        inner, far = first + r * AROUND, first + (r + 1) * AROUND
        faces.append(np.stack([inner + k, far + k, far + next_], axis=1))
        faces.append(np.stack([inner + k, far + next_, inner + next_], axis=1))
    faces.append(np.stack([outer + k, upper + k, upper + next_], axis=1))
    faces.append(np.stack([outer + k, upper + next_, outer + next_], axis=1))
    faces.append(np.stack([upper + k, np.full(AROUND, peak), upper + next_], axis=1))
    whole = Triangles(vertices, np.concatenate(faces))
    if whole.mass_properties()[0] < 0:
        whole = Triangles(whole.vertices, whole.faces[:, ::-1])
    return centred(whole, 1.0)


def _below(mesh: Triangles, spots: np.ndarray, level: float) -> np.ndarray:
    """Height of the mesh straight below points (N, 2) of (x, z) on the level (N,); the level where nothing is."""
    corners = mesh.vertices[mesh.faces].astype(np.float64)
    a, b, c = (corners[:, k] for k in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 2] - a[:, 2]) - (c[:, 0] - a[:, 0]) * (b[:, 2] - a[:, 2])
    steep = np.abs(area) < 1e-18
    a, b, c, area = a[~steep], b[~steep], c[~steep], area[~steep]
    found = np.full(len(spots), -np.inf)
    for n, (x, z) in enumerate(spots):
        s = ((x - a[:, 0]) * (c[:, 2] - a[:, 2]) - (c[:, 0] - a[:, 0]) * (z - a[:, 2])) / area
        t = ((b[:, 0] - a[:, 0]) * (z - a[:, 2]) - (x - a[:, 0]) * (b[:, 2] - a[:, 2])) / area
        hit = (s >= -1e-9) & (t >= -1e-9) & (s + t <= 1 + 1e-9)
        heights = (a[:, 1] + s * (b[:, 1] - a[:, 1]) + t * (c[:, 1] - a[:, 1]))[hit]
        found[n] = heights[heights < level].max(initial=-np.inf)
    return np.where(np.isfinite(found), found, level)


# ---- a bowl ----------------------------------------------------------------------------------------------------------


def _make_bowl(scene: Scene, thing: Thing, mask: np.ndarray, layers: Layers) -> None:
    """Give the holder a round hollow under the liquid's outline; its height and its width stay, if they hold that."""
    assert thing.inside is not None and thing.liquid is not None
    cup = scene[thing.inside]
    mesh = _mesh_of(scene, cup.name)
    low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
    surface = float(high[1]) if thing.liquid.level is None else thing.liquid.level
    for _ in range(8):  # the surface lies below the rim by a part of its radius, which is seen on that level
        x, z, radius = _circle(mask, surface, layers, thing.name)
        surface = float(high[1]) - RIM * radius if thing.liquid.level is None else surface
    rim = max(float(high[1]), surface + 0.5 * RIM * radius)
    outer = max(WALL * radius, 0.5 * float(max(high[0] - low[0], high[2] - low[2])))
    wall = outer - radius
    depth = min(thing.liquid.depth or 1.3 * radius, 0.94 * (surface - float(low[1])))
    if depth <= 0.02 * radius:
        raise ValueError(
            f"{thing.inside} has no room for {thing.name}: its foot is at y = {low[1]:.3g} m and the surface at y = "
            f"{surface:.3g} m. Look at {thing.inside}.lift.height, or give {thing.name}.liquid.level."
        )
    turn = np.radians(np.linspace(0, 80, 12))
    inside = np.column_stack([radius * np.cos(turn), surface - depth * np.sin(turn)])
    edge = [[outer, low[1]], [outer, rim], [outer - 0.5 * wall, rim]]
    foot, middle = [[0.0, low[1]]], [[0.0, surface - depth]]
    solid = centred(Mesh.revolved(np.concatenate([foot, edge, inside, middle])).triangles, 1.0)
    place = (solid.position[0] + x, solid.position[1], solid.position[2] + z)
    scene.entities[cup.name] = replace(cup, shape=solid.shape, position=place, orientation=(0.0, 0.0, 0.0, 1.0))


def _circle(mask: np.ndarray, height: float, layers: Layers, name: str) -> tuple[float, float, float]:
    """Centre (x, z) and radius [m] of the circle that fits the mask's outline laid on y = ``height``."""
    points = on_plane(layers.photo_camera, outline(mask, tolerance=0.5), height)
    if not np.isfinite(points).all():
        raise ValueError(f"{name}: no level surface at y = {height:.3g} m is seen there. Look at hints.camera.")
    x, z = points[:, 0], points[:, 2]
    system = np.stack([2 * x, 2 * z, np.ones_like(x)], axis=1)
    (cx, cz, rest), *_ = np.linalg.lstsq(system, x**2 + z**2, rcond=None)
    return float(cx), float(cz), float(np.sqrt(max(rest + cx**2 + cz**2, 1e-12)))
