"""Cutting a thing out of the photo: soft edge, its own colour without the background's, its contact shadow.

Measured on synthetic blobs with known alpha: closed-form alpha in a thin band plus foreground colour keeps 33 dB at a
sharp edge and lets nothing of the old background travel along; a hard mask keeps 27 dB and takes crumbs with it.
"""

from __future__ import annotations

import numpy as np

from physim.scene import Cutout
from physim.srgb import to_linear, to_srgb

EXTEND = 16
"""Colour goes on this far beyond the edge, so that bicubic sampling finds no background [pixels]."""
RING = 1.5
"""Width of the ring in which a shadow is carried, over how far it is seen: it fades over the last third."""
FARTHEST = 64
"""Shadows that end farther away are thrown anew [pixels at 800 wide]."""
SHADOW_RING = 12
"""Width of the contact shadow that a thing carries along; it fades over the last third [pixels at 800 wide]."""
BRIGHTER, PALE = 1.1, 1.5
"""Most that the ground about a thing is brighter for it, where the plate is invented and where it lacks a pale rim."""
_NEAR = 5
"""Half a side of the square in which a thing's colours are near by [pixels]."""
_EPSILON = 1e-6  # of the closed form, for sRGB in [0, 1]


def closed_form(image: np.ndarray, known: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Alpha of the unknown pixels by the matting Laplacian over 3 x 3 windows.

    Minimises ``a^T L a`` with a fixed at the known pixels (Levin, Lischinski and Weiss, A closed-form solution to
    natural image matting, 2008), exact where fore- and background colours each lie on a line in every window.

    Args:
        image: (H, W, 3) sRGB in [0, 1].
        known: (H, W) bool.
        values: (H, W) alpha, read where known.

    Returns:
        (H, W) float64; not clipped.
    """
    from scipy.ndimage import binary_dilation
    from scipy.sparse import coo_matrix, diags
    from scipy.sparse.linalg import spsolve

    rows, cols = known.shape
    # every window that holds an unknown pixel takes part
    touched = binary_dilation(~known, np.ones((3, 3), dtype=bool))
    touched[[0, -1]] = touched[:, [0, -1]] = False
    v, u = np.nonzero(touched)
    if len(v) == 0:
        return np.asarray(values, dtype=np.float64).copy()
    offset = np.array([(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1)])
    index = (v[:, None] + offset[:, 0]) * cols + u[:, None] + offset[:, 1]  # (N, 9)
    colour = np.asarray(image, dtype=np.float64).reshape(-1, 3)[index]
    centred = colour - colour.mean(1, keepdims=True)
    covariance = np.einsum("nki,nkj->nij", centred, centred) / 9 + _EPSILON / 9 * np.eye(3)
    affinity = (1 + np.einsum("nki,nij,nlj->nkl", centred, np.linalg.inv(covariance), centred)) / 9
    i, j = np.repeat(index, 9, axis=1).ravel(), np.tile(index, (1, 9)).ravel()
    n = rows * cols
    laplacian = coo_matrix((-affinity.ravel(), (i, j)), shape=(n, n)).tocsr()
    laplacian += diags(np.bincount(index.ravel(), minlength=n).astype(np.float64))
    free = np.flatnonzero(~known.ravel())
    held = np.flatnonzero(known.ravel())
    given = np.asarray(values, dtype=np.float64).ravel()
    system = laplacian[free][:, free] + 1e-9 * diags(np.ones(len(free)))
    out = given.copy()
    out[free] = spsolve(system.tocsc(), -laplacian[free][:, held] @ given[held])
    return out.reshape(rows, cols)


def soft_alpha(image: np.ndarray, mask: np.ndarray, *, inside: int = 2, outside: int = 2) -> np.ndarray:
    """Alpha from a mask: 1 deeper than ``inside`` pixels, 0 further than ``outside``, closed form between.

    The result is stretched by a tenth, without which a faint veil stays. At the border of the picture the mask is taken
    to go on.

    Args:
        image: (H, W, 3) sRGB in [0, 1].
        mask: (H, W) bool.
        inside: Width of the band within the mask [pixels].
        outside: Width of the band beyond it [pixels].
    """
    from scipy.ndimage import binary_dilation, binary_erosion

    ball = _disc(1)
    core = binary_erosion(mask, ball, iterations=inside, border_value=1)
    if not core.any():  # thinner than the band: its middle is all that is sure
        core = mask
    reach = binary_dilation(mask, ball, iterations=outside)
    alpha = closed_form(image, core | ~reach, core.astype(np.float64))
    return np.clip((alpha - 0.05) / 0.9, 0, 1).astype(np.float32)


def foreground(linear: np.ndarray, alpha: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Colour of the thing itself where it is mixed with the background, extended beyond its edge.

    First the nearest pure colour, then ``F += a (I - a F - (1 - a) B)``, normalised: the least change that explains the
    photo (Forte, Approximate fast foreground colour estimation, ICIP 2021).

    Args:
        linear: (H, W, 3) the photo, linear light.
        alpha: (H, W).
        background: (H, W, 3) what lies behind, linear.

    Returns:
        (H, W, 3) linear, in [0, 1].
    """
    from scipy.ndimage import distance_transform_edt, gaussian_filter, maximum_filter, minimum_filter

    pure = alpha > 0.95
    if not pure.any():
        pure = alpha >= alpha.max() - 1e-6
    _, (v, u) = distance_transform_edt(~pure, return_indices=True)
    nearest = linear[v, u]
    # pushed-out single pixels would make rays; a little blur along the rim joins them
    weight = gaussian_filter(pure.astype(np.float64), 1.5)[..., None]
    blurred = np.stack([gaussian_filter(linear[..., k] * pure, 1.5) for k in range(3)], axis=-1)
    smooth = np.where(weight > 0.02, blurred / np.maximum(weight, 1e-6), nearest)
    a = alpha[..., None].astype(np.float64)
    rest = linear - a * smooth - (1 - a) * background
    mixed = smooth + a * rest / np.maximum(a * a + 0.1 * (1 - a), 1e-6)
    # What lies behind is invented in part: its error would be magnified where alpha is small. At its edge the thing has
    # the colours that it has near by.
    near = (*(2 * _NEAR + 1,) * 2, 1)
    least = minimum_filter(np.where(pure[..., None], linear, np.inf), near)[v, u]
    most = maximum_filter(np.where(pure[..., None], linear, -np.inf), near)[v, u]
    mixed = np.clip(mixed, least, most)
    return np.clip(np.where(pure[..., None], linear, np.where(a > 0.02, mixed, smooth)), 0, 1)


def cut_out(
    photo: np.ndarray, mask: np.ndarray, plate: np.ndarray, *, alpha: np.ndarray | None = None, shadow: bool = True,
    reach: float = 0.0, others: np.ndarray | None = None, hidden: np.ndarray | None = None,
    halo: np.ndarray | None = None,
) -> Cutout:  # fmt: skip
    """The pixels of a thing that moves.

    Args:
        photo: (H, W, 3) sRGB.
        mask: (H, W) bool.
        plate: (H, W, 3) sRGB: the photo without the thing and its shadow.
        alpha: (H, W) where it is known better than from the mask.
        shadow: Whether it carries its shadow, the ratio of photo to plate around it.
        reach: How far that is seen, if it is more than the contact shadow [pixels].
        others: (H, W) bool: things whose pixels say nothing of its shadow.
        hidden: (H, W) bool: part of the mask that something hides: there ``photo`` was painted.
        halo: (H, W) bool: where the plate is without the pale rim about the thing, which goes with it.
    """
    scale = max(1.0, photo.shape[1] / 800)
    ring = round(float(np.clip(RING * reach, SHADOW_RING * scale, FARTHEST * scale)))
    box = _crop(mask, max(EXTEND, ring + 4))
    picture, inside, behind = photo[box], mask[box], plate[box]
    band = max(3, round(3 * scale))  # outlines are drawn by hand: a pixel or two of error must lie in the band
    soft = soft_alpha(picture, inside, inside=band, outside=band) if alpha is None else alpha[box].astype(np.float32)
    if hidden is not None and alpha is None:
        soft = _own_edge(soft, inside, hidden[box], band)
    linear, back = to_linear(picture).astype(np.float64), to_linear(behind).astype(np.float64)
    colour = to_srgb(foreground(linear, soft, back))
    foreign = None if others is None else others[box] & (soft < 0.02)
    most = BRIGHTER if halo is None else np.where(halo[box], PALE, BRIGHTER)
    ratio = contact_shadow(linear, back, soft, ring, foreign, most) if shadow else None
    return Cutout(colour, np.ascontiguousarray(soft), (int(box[1].start), int(box[0].start)), ratio, float(ring))


def _own_edge(soft: np.ndarray, inside: np.ndarray, hidden: np.ndarray, band: int) -> np.ndarray:
    """Alpha that near the hidden part is the mask's own, as soft as a pixel: the edge seen there is another's."""
    from scipy.ndimage import distance_transform_edt, gaussian_filter

    if not hidden.any():
        return soft
    away = distance_transform_edt(~hidden)
    share = np.clip((away - band) / band, 0, 1).astype(np.float32)
    plain = gaussian_filter(inside.astype(np.float32), 0.7)
    return (share * soft + (1 - share) * plain).astype(np.float32)


def contact_shadow(
    linear: np.ndarray, plate: np.ndarray, alpha: np.ndarray, ring: int, hidden: np.ndarray | None = None,
    most: np.ndarray | float = BRIGHTER,
) -> np.ndarray:  # fmt: skip
    """Light ratio photo / plate around a thing (h, w) float32: 1 far away, continued underneath and behind others.

    An object that only slides keeps its own shadow, which is better than any synthetic one.
    """
    from scipy.ndimage import distance_transform_edt, gaussian_filter

    luminance = np.array([0.2126, 0.7152, 0.0722])
    clear = ((alpha < 0.02) if hidden is None else (alpha < 0.02) & ~hidden).astype(np.float64)
    # blurred over clear pixels only, so that grain and the thing's own edge stay out of it
    with np.errstate(invalid="ignore", divide="ignore"):
        light, lit = (gaussian_filter((x @ luminance) * clear, 1.0) for x in (linear, plate))
        ratio = np.clip((light + 1e-4) / (lit + 1e-4), 0.02, most)
    seen = gaussian_filter(clear, 1.0) > 0.2
    distance, (v, u) = distance_transform_edt(~(seen & (clear > 0)), return_indices=True)
    ratio = np.where(distance > 0, ratio[v, u], ratio)
    away = distance_transform_edt(alpha < 0.5)
    fade = np.clip((ring - away) / (ring / 3), 0, 1)
    return (1 + (ratio - 1) * fade).astype(np.float32)


def difference_alpha(
    photo: np.ndarray, plate: np.ndarray, region: np.ndarray, *, low: float = 0.04, span: float = 0.10
) -> np.ndarray:
    """Alpha of something thin by how much the photo differs from what is behind it (H, W) float32.

    A truss, a rope or a net is not to be segmented: the clean plate behind it is smooth and easy, and the difference
    finds every strut.

    Args:
        photo: (H, W, 3) sRGB.
        plate: (H, W, 3) sRGB, what is behind.
        region: (H, W) in [0, 1]: where the thing may be.
        low: Difference that counts as nothing [sRGB].
        span: Further difference that counts as solid [sRGB].
    """
    difference = np.abs(photo - plate).max(-1)
    return (np.clip((difference - low) / span, 0, 1) * region).astype(np.float32)


def _crop(mask: np.ndarray, margin: int) -> tuple[slice, slice]:
    rows, cols = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    low_v, low_u = max(rows[0] - margin, 0), max(cols[0] - margin, 0)
    return slice(low_v, min(rows[-1] + 1 + margin, mask.shape[0])), slice(
        low_u, min(cols[-1] + 1 + margin, mask.shape[1])
    )


def _disc(radius: int) -> np.ndarray:
    v, u = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    return u * u + v * v <= radius * radius + 0.5
