"""Take the photo apart: things that move become cutouts with a clean plate behind, thin still things become layers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from physim.clean_plate import Choice, Filled, clean_plate
from physim.depth import resampled
from physim.grow import dilated, eroded, extent
from physim.halo import without_halo
from physim.layers import Layers
from physim.lift_sheet import sheet_cutout
from physim.light import SurfaceAt
from physim.matte import cut_out, difference_alpha, foreground
from physim.outline import outline
from physim.own_shadow import own_shadow
from physim.scene import Cutout, Light, Scene, StillLayer
from physim.segment import mask_of, polygon_coverage
from physim.shot import Shot, Thing
from physim.srgb import to_linear, to_srgb
from physim.uncovered import closed, hidden_part, uncovered
from physim.zbuffer import placed

GROW = 5
"""The hole reaches this far beyond the mask, past the soft edge [pixels at 800 wide]."""
CONTACT = 10
"""And this far where the thing darkens what it stands on [pixels at 800 wide]."""
EDGE = 2
"""Half width of the soft edge of what stays, through which what is gone was seen [pixels at 800 wide]."""
OTHERS = 2.0
"""How far beyond its mask the photo shows something of a thing [pixels]."""
BESIDE, THROWN = 0.6, 1.0
"""How far from its foot that is, over its height, and a shadow of a light that nobody told of."""


@dataclass
class Pieces:
    """The photo, taken apart."""

    plate: np.ndarray
    """(H, W, 3) float32 sRGB"""
    hole: np.ndarray
    """(H, W) float32: 1 where the plate was invented."""
    stills: list[StillLayer] = field(default_factory=list)
    report: dict[str, str] = field(default_factory=dict)


def separate(
    scene: Scene,
    shot: Shot,
    photo: np.ndarray,
    layers: Layers,
    masks: dict[str, np.ndarray],
    covered: dict[str, np.ndarray],
    light: Light,
) -> Pieces:
    """Cut out the bodies and cloths of the photo (they get a cutout), fill the plate, make the still layers.

    Args:
        scene: Its bodies and cloths that come from the photo are replaced by ones with a cutout.
        shot: For hints and still things.
        photo: (H, W, 3) sRGB.
        layers: Gets the still layers' depth.
        masks: (H, W) bool of every solid thing of the photo, by name.
        covered: (H, W) in [0, 1] of every thing of the photo, by name.
        light: Where it is known, cast shadows are removed too.
    """
    size = photo.shape[:2]
    still = {t.name: covered[t.name] for t in shot.things if t.still and t.select is not None}
    moving = [t for t in shot.things if (t.moves or t.flies or t.cloth or t.gives) and t.name in masks]
    hidden = {t.name: _before(t, masks[t.name], masks, still) for t in moving if t.cloth is not None}
    seen = {name: mask & ~hidden[name] if name in hidden else mask for name, mask in masks.items()}
    hole, forbidden = _hole(scene, moving, seen, still, photo, layers, light)
    choices = tuple(
        Choice(mask_of(hint.region, size, name="hints.plate"), hint.surface, hint.source) for hint in shot.hints.plate
    )
    if moving and not (~hole & ~forbidden).any():
        names = ", ".join(thing.name for thing in moving)
        raise ValueError(
            f"{names}: what moves covers the whole photo, and nothing is left to fill the place behind it from. Select "
            "less, or fewer things."
        )
    count = grown_count(masks)
    calm, halos = photo, {}
    for thing in moving:
        before, mask = calm, seen[thing.name]
        calm = before if thing.flies else without_halo(before, mask, others_of(mask, count))
        if calm is not before:
            halos[thing.name] = (calm != before).any(-1) & ~hole
    plate, filled = clean_plate(calm, hole, forbidden=forbidden, choices=choices, depth=resampled(layers.plate, size))
    for name, mask in masks.items():
        if name not in {thing.name for thing in moving}:
            _lay_edge_back(plate, photo, mask, hole)
    pieces = Pieces(plate, np.logical_or.reduce([hole, *halos.values()]).astype(np.float32))
    if filled:
        pieces.report["plate"] = _plate_line(filled, hole)
    for thing in moving:
        mask = masks[thing.name]
        if thing.flies:  # shows what is behind it, bent: a picture of that cannot be carried along
            continue
        if thing.cloth is not None:
            cutout = sheet_cutout(photo, mask, hidden[thing.name], plate)
        else:
            known = light.source == "user" and not thing.gives
            cast = _cast_shadow(scene, thing, layers, light) if known else np.zeros(size, dtype=bool)
            behind, halo = closed(mask, hidden_part(scene, thing.name, mask, masks, layers)), halos.get(thing.name)
            whole = mask | behind
            wide = cast if halo is None else cast | halo
            cutout = cut_out(
                uncovered(photo, whole, behind), whole, plate, reach=_beyond(wide, mask),
                others=others_of(mask, count), hidden=behind, halo=halo,
            )  # fmt: skip
            cutout = cutout if not thing.gives else replace(cutout, shadow=None)
        scene.entities[thing.name] = replace(scene[thing.name], cutout=cutout)
    if still:
        behind = _behind(photo, still, masks, choices)
        for thing in shot.things:
            if thing.name in still:
                pieces.stills.append(_still_layer(thing, still[thing.name], photo, behind, layers))
    return pieces


def without_drops(photo: np.ndarray, plate: np.ndarray, hole: np.ndarray, shot: Shot, masks: dict) -> np.ndarray:
    """The photo (H, W, 3) with the plate where drops were: a drop is drawn anew, and none of it stays where it was."""
    drops = [masks[thing.name] for thing in shot.things if thing.flies and thing.name in masks]
    if not drops:
        return photo
    there = dilated(np.logical_or.reduce(drops), GROW * max(1.0, photo.shape[1] / 800)) & (hole > 0)
    return np.where(there[..., None], plate, photo)


def _before(thing: Thing, mask: np.ndarray, masks: dict[str, np.ndarray], still: dict) -> np.ndarray:
    """What stands before a cloth in the photo (H, W) bool: everything else that was selected on top of it."""
    hidden = np.zeros(mask.shape, dtype=bool)
    for name, other in masks.items():
        if name != thing.name:
            hidden |= other
    for covered in still.values():
        hidden |= dilated(covered > 0.02, 2)
    return hidden & mask


def _plate_line(filled: list[Filled], hole: np.ndarray) -> str:
    smooth, pieced = sum(f.surface == "smooth" for f in filled), sum(f.pieces is not None for f in filled)
    worst = max((f.score for f in filled if f.score == f.score), default=0.0)
    line = f"{100 * hole.mean():.1f} % of the photo invented: {smooth} smooth, {len(filled) - smooth - pieced} cloned"
    if pieced:
        line += f", {pieced} put together from pieces"
    return line + (f"; worst score on a held-out ring {worst:.3f}" if worst else "")


def _hole(scene, moving, masks, still, photo, layers: Layers, light: Light) -> tuple[np.ndarray, np.ndarray]:
    """What moving things leave open: themselves, their soft edge, contact shadow, and cast shadow if it is known."""
    size = photo.shape[:2]
    scale = max(1.0, size[1] / 800)
    hole, count = np.zeros(size, dtype=bool), grown_count(masks)
    for thing in moving:
        mask = masks[thing.name]
        hole |= dilated(mask, GROW * scale)
        if thing.cloth is None and not thing.gives:  # these take their shadow along as far as it changes
            known = light.source == "user"
            cast = _cast_shadow(scene, thing, layers, light) if known else np.zeros(size, dtype=bool)
            own = own_shadow(photo, mask, cast, others_of(mask, count))
            if own.any() and not known:
                own &= near_foot(scene, thing.name, mask, layers, _beyond(own, mask), THROWN)
            hole |= near_foot(scene, thing.name, mask, layers, CONTACT * scale, BESIDE)
            hole |= dilated(cast | own, 6 * scale)
    forbidden = np.zeros(size, dtype=bool)
    moves = {thing.name for thing in moving}
    everything = np.zeros(size, dtype=bool)
    for name in moves:
        everything |= masks[name]
    staying = [(eroded(mask, EDGE * scale), mask) for name, mask in masks.items() if name not in moves]
    staying += [(c > 0.95, c > 0.05) for c in still.values()]  # the soft edge of a still layer is laid over the fill
    for core, mask in staying:
        under = (mask & everything).sum() / max(everything.sum(), 1)
        if under > 0.5:  # a saucer on which everything stands: it is the surface to continue
            continue
        # a thing that stays and stands beside or before the hole is neither filled nor asked for its colours
        hole &= ~core | everything
        forbidden |= dilated(mask, 2 * scale)
    return hole, forbidden & ~hole


def near_foot(scene: Scene, name: str, mask: np.ndarray, layers: Layers, reach: float, heights: float) -> np.ndarray:
    """Where, within ``reach`` [pixels] of a solid, the photo shows ground near its foot (H, W) bool.

    What is seen beside the head of an upright thing is far behind it, and is not darkened by it. Near is what is no
    farther from the foot than ``heights`` times the thing's height.
    """
    from scipy.spatial import cKDTree

    entity = scene[name]
    points = placed(entity.shape.triangles, entity.position, entity.orientation).vertices  # type: ignore[union-attr]
    height = float(np.ptp(points[:, 1]))
    foot = points[points[:, 1] < points[:, 1].min() + 0.35 * height]
    ring = dilated(mask, reach) & ~mask
    plate = resampled(layers.plate, mask.shape)
    v, u = np.nonzero(ring & np.isfinite(plate))
    depth = plate[v, u].astype(np.float64)
    ground = layers.photo_camera.unproject(np.stack([u + 0.5, v + 0.5], axis=1), depth)
    out = np.zeros(mask.shape, dtype=bool)
    if len(v):
        away, _ = cKDTree(foot[:, [0, 2]]).query(ground[:, [0, 2]])
        out[v, u] = away <= heights * height
    return out


def _lay_edge_back(plate: np.ndarray, photo: np.ndarray, mask: np.ndarray, hole: np.ndarray) -> None:
    """Lay the soft edge of a thing that stays over the fill beside it: the photo's own shows what is gone through it.

    Args:
        plate: (H, W, 3) sRGB, changed in the hole along the thing's outline.
        photo: (H, W, 3) sRGB.
        mask: (H, W) bool: the thing.
        hole: (H, W) bool; what reaches a little under the thing's edge.
    """
    from scipy.ndimage import distance_transform_edt, gaussian_filter

    scale = max(1.0, photo.shape[1] / 800)
    box = extent(hole & dilated(mask, 2 * EDGE * scale), round(4 * EDGE * scale))
    pure = (eroded(mask, EDGE * scale) & ~hole)[box]
    if not pure.any():
        return
    alpha = gaussian_filter(mask[box] * 1.0, 0.5 * EDGE * scale)
    away, nearest = distance_transform_edt(~pure, return_indices=True)
    colour = to_linear(photo[box][tuple(nearest)])
    edge = hole[box] & (alpha > 0.01) & (away < 3 * EDGE * scale)  # not where the hole is on the thing itself
    mixed = alpha[..., None] * colour + (1 - alpha[..., None]) * to_linear(plate[box])
    plate[box][edge] = to_srgb(mixed[edge])


def _cast_shadow(scene: Scene, thing: Thing, layers: Layers, light: Light) -> np.ndarray:
    """Outline of a thing's shadow on the level it stands on, in the photo (H, W) bool."""
    from scipy.spatial import ConvexHull, QhullError

    size = layers.photo_camera.size
    entity = scene[thing.name]
    points = placed(entity.shape.triangles, entity.position, entity.orientation).vertices  # type: ignore[union-attr]
    towards = np.array(light.direction)
    if towards[1] < 0.05:
        return np.zeros(size, dtype=bool)
    floor = points[:, 1].min()
    shadow = points - (points[:, 1:2] - floor) / towards[1] * towards
    # of convex things the shadow is convex; the thing itself is no part of it: what is seen between its top and the tip
    # of its shadow is far behind, and not darkened
    pixels, depth = layers.photo_camera.project(shadow)
    if (depth <= 1e-6).any():
        return np.zeros(size, dtype=bool)
    try:
        hull = ConvexHull(pixels)
    except QhullError:
        return np.zeros(size, dtype=bool)
    return polygon_coverage(pixels[hull.vertices], size) > 0.5


def grown_count(masks: dict[str, np.ndarray]) -> np.ndarray:
    """How many things, a little grown, the photo shows at each pixel (H, W)."""
    found = np.zeros(next(iter(masks.values())).shape, np.uint16) if masks else np.zeros((), np.uint16)
    for mask in masks.values():
        found += dilated(mask, OTHERS)
    return found


def others_of(mask: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Where the photo shows other things than one of those counted by :func:`grown_count` (H, W) bool."""
    return count > dilated(mask, OTHERS)


def _beyond(region: np.ndarray, mask: np.ndarray) -> float:
    """How far a region reaches out of a mask [pixels]."""
    from scipy.ndimage import distance_transform_edt

    if not (region.any() and mask.any()):
        return 0.0
    here = extent(region | mask)
    return float(distance_transform_edt(~mask[here])[region[here]].max())


# ---- still layers ----------------------------------------------------------------------------------------------------


def _behind(photo, still, masks, choices) -> np.ndarray:
    """The photo without its still layers: all of them taken out together, other things kept out of the rim."""
    region = np.zeros(photo.shape[:2], dtype=bool)
    for covered in still.values():
        region |= dilated(covered > 0.02, 2)
    other = np.zeros_like(region)
    for mask in masks.values():
        other |= dilated(mask, 2)
    chosen = choices or (Choice(np.ones_like(region), "smooth"),)
    return clean_plate(photo, region, forbidden=other & ~region, choices=chosen)[0]


def _still_layer(thing: Thing, covered: np.ndarray, photo, behind, layers: Layers) -> StillLayer:
    """Soft layer at one depth. A mask with grey levels is a matte already; otherwise the difference makes it."""
    soft = ((covered > 0.1) & (covered < 0.9)).sum() > 0.02 * (covered > 0.1).sum()
    if thing.select is not None and thing.select.mask is not None and soft:
        alpha = covered
    else:
        alpha = difference_alpha(photo, behind, np.clip(_near(covered), 0, 1))
    if alpha.max() < 0.1:
        raise ValueError(
            f"{thing.name} is still, but the photo shows nothing there that differs from what is behind it; look at "
            f"its selection, or give a mask."
        )
    box = extent(alpha > 0, 16)
    linear, back = (to_linear(x[box]).astype(np.float64) for x in (photo, behind))
    colour = to_srgb(foreground(linear, alpha[box], back))
    depth = still_depth(thing, covered >= 0.5, layers.point_at, layers)
    layers.add_flat(alpha > 0.5, depth)
    corner = (int(box[1].start), int(box[0].start))
    return StillLayer(thing.name, Cutout(colour, np.ascontiguousarray(alpha[box]), corner), depth)


def still_depth(thing: Thing, mask: np.ndarray, surface_at: SurfaceAt, layers: Layers) -> float:
    """Where the user put it, else where its lowest pixel stands [m]."""
    if thing.lift.depth is not None:
        return float(thing.lift.depth)
    points = outline(mask)
    foot = points[np.argmax(points[:, 1])] - (0, 0.5)
    foot = np.clip(foot, 0.5, (mask.shape[1] - 0.5, mask.shape[0] - 0.5))
    try:
        point = surface_at((float(foot[0]), float(foot[1])), thing.name)
    except ValueError as error:
        raise ValueError(
            f"{thing.name} is still and stands on nothing: {error} Give {thing.name}.lift.depth."
        ) from None
    return float(layers.photo_camera.project(point)[1])


def _near(covered: np.ndarray) -> np.ndarray:
    """The selection with two pixels more, so that the soft edge of what is selected stays in it."""
    from scipy.ndimage import gaussian_filter

    return np.maximum(covered, 1.4 * gaussian_filter(dilated(covered > 0.5, 2).astype(np.float32), 0.8))
