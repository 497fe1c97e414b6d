"""A cup with its handle: what is thin is told from the body that it sticks out of, and made a flat piece of its own."""

from __future__ import annotations

import numpy as np

from physim.camera import Camera
from physim.convex_pieces import convex_pieces
from physim.lift_extrude import prism
from physim.lifted import Lifted, centred, is_closed
from physim.outline import outline, triangulate, without_pinches
from physim.shapes import Triangles
from physim.zbuffer import convex_drawn, placed

THIN, BODY = 0.18, 0.85
"""What is thinner than twice the first part of the outline's root of area may be a handle, if the second part stays."""
SPECK = 0.004
"""A smaller part of the outline that the body does not show is an error of the fit."""


def without_thin(mask: np.ndarray) -> np.ndarray | None:
    """The outline (H, W) bool without what is thin (opened by a disc); None if that is most of it."""
    from scipy.ndimage import distance_transform_edt

    reach = THIN * float(np.sqrt(mask.sum()))
    core = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1] > reach
    body = mask & (distance_transform_edt(~core) <= reach)
    return body if core.any() and body.sum() >= BODY * mask.sum() else None


def with_handle(body: Lifted, mask: np.ndarray, camera: Camera, support: float) -> Lifted | None:
    """A convex body and the largest part of the outline beside it, as one solid; None if there is no such part.

    The part stands upright, facing the camera, as far away as the body's axis, or nearer where it would reach under the
    support; it is as thick as it is wide. Their lines of sight are apart, so they have no volume in common.
    """
    from scipy.ndimage import distance_transform_edt

    solid = placed(body.shape.triangles, body.position, body.orientation)
    part = _largest(mask & ~convex_drawn(solid, camera))
    if part is None or part.sum() < SPECK * mask.sum():
        return None
    corners = outline(part, tolerance=0.75)
    rays = camera.rays(corners)
    away = np.array(body.position) - camera.position
    away[1] = 0
    reach = float(np.linalg.norm(away))
    away = away / max(reach, 1e-9)
    forward = rays @ away
    if reach < 1e-9 or forward.min() < 1e-3:
        return None
    wide = 2 * float(distance_transform_edt(np.pad(part, 1)).max()) * reach / camera.focal
    down = rays[:, 1] / forward
    low = (support - camera.position[1]) / down[down < 0]
    back = min(reach + wide / 2, float(low.min())) if len(low) else reach + wide / 2
    front = back - wide
    if front < 0.5 * reach:
        return None
    near, far = (camera.position + (each / forward)[:, None] * rays for each in (front, back))
    faces = triangulate(corners)
    handle = prism(near, far, faces)
    if not is_closed(handle):
        return None
    both = Triangles(
        np.concatenate([solid.vertices, handle.vertices]),
        np.concatenate([solid.faces, handle.faces + len(solid.vertices)]).astype(np.int32),
    )
    pieces = [np.concatenate([near[some], far[some]]) for some in convex_pieces(corners, faces, slack=0.2)]
    return centred(both, body.overlap, f"{body.how} with a handle", [solid.vertices, *pieces])


def _largest(mask: np.ndarray) -> np.ndarray | None:
    """The largest part of a mask that is wider than an edge is uncertain; None if there is none."""
    from scipy.ndimage import binary_dilation, binary_erosion, label

    kept = binary_dilation(binary_erosion(mask, iterations=2), iterations=2) & mask
    labels, count = label(kept)
    if count == 0:
        return None
    return without_pinches(labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:])))
