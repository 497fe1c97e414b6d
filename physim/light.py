"""The light of a photo: direction, colour, softness; from a shadow, two white spots, shading, or a guess."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from physim.camera import Camera
from physim.light_estimate import LightFit, Seen, estimate_light
from physim.scene import Light
from physim.shot import Hints, ShadowHint, WhiteHint
from physim.srgb import to_linear

AMBIENT_OF_SHADE = 0.42
"""Part of the light on a white thing in the shade that reaches a thing anywhere; the rest is bounce from close by."""

PLAIN_SHARE = 0.3
"""Ambient over all light on white that faces the light, where neither clicks nor shading tell."""

UNKNOWN_ANGLE, UNKNOWN_FLOOR = float(np.radians(30.0)), 0.6
"""Softness [rad] and depth of shadows where the photo does not tell from where its light comes: as under an overcast
sky, for a hard shadow in a wrong direction is seen at once, and a photo with hard shadows mostly tells."""

SurfaceAt = Callable[[tuple[float, float], str], np.ndarray]
"""(pixel, what for) to the world point (3,) of the surface seen there [m]."""


def light_of(
    image: np.ndarray,
    camera: Camera,
    hints: Hints,
    surface_at: SurfaceAt,
    things: Sequence[Seen] = (),
    ground: np.ndarray | None = None,
) -> tuple[Light, dict[str, str]]:
    """Light from the hints where there are any, else estimated.

    Args:
        image: (H, W, 3) float32 sRGB in [0, 1].
        camera: Of the photo, same size.
        hints: Of the shot.
        surface_at: For the shadow hint.
        things: Solids in the photo, whose shading tells the direction if no hint does.
        ground: (H, W) bool: where the photo shows the plane y = 0, with the shadows of the things on it.

    Returns:
        The light, whose ``source`` is that of its direction, and one line of report per quantity.
    """
    report, given = {}, hints.light
    direction, source, fit, report["light.direction"] = _direction(image, camera, hints, surface_at, things, ground)
    if hints.white is not None:
        lit, ambient = _from_white(hints.white, image)
        report["light.colour"] = f"white in the light is {np.round(lit, 2).tolist()} linear (two clicks)"
    else:
        lit = _brightest_neutral(image)
        share = PLAIN_SHARE if fit is None else fit.ambient_share
        ambient = share * lit
        report["light.colour"] = f"white in the light is {np.round(lit, 2).tolist()} linear (bright neutral pixels)"
        report["light.ambient"] = f"{share:.2f} of the light ({'default' if fit is None else 'shading'})"
    defaults = Light()
    known = source != "default"
    softness = (defaults.half_angle if known else UNKNOWN_ANGLE) if given.softness is None else None
    half_angle = float(np.radians(given.softness)) if softness is None else softness  # type: ignore[arg-type]
    floor = (defaults.shadow_floor if known else UNKNOWN_FLOOR) if given.floor is None else given.floor
    light = Light(
        direction=tuple(float(x) for x in direction),  # type: ignore[arg-type]
        colour=tuple(float(x) for x in np.maximum(lit - ambient, 0.02)),  # type: ignore[arg-type]
        ambient=tuple(float(x) for x in ambient),  # type: ignore[arg-type]
        half_angle=half_angle,
        shadow_floor=float(floor),
        source=source,
    )
    return light, report


def _direction(
    image: np.ndarray,
    camera: Camera,
    hints: Hints,
    surface_at: SurfaceAt,
    things: Sequence[Seen],
    ground: np.ndarray | None,
) -> tuple[tuple[float, float, float], str, LightFit | None, str]:
    """Towards the light, its source, the fit it came from if any, and the line of report."""
    given, default = hints.light, Light().direction
    if given.direction is not None:
        return given.direction, "user", None, f"{np.round(given.direction, 2).tolist()} (user)"
    if given.shadow is not None:
        towards = _from_shadow(given.shadow, camera, surface_at)
        return towards, "user", None, f"{np.round(towards, 2).tolist()} (shadow)"
    fit, why = estimate_light(image, camera, things, ground)
    if fit is None:
        return default, "default", None, f"{np.round(default, 2).tolist()} (default: {why}; give hints.light)"
    return fit.direction, "estimated", fit, f"{np.round(fit.direction, 2).tolist()} (estimated: {why})"


def _from_shadow(hint: ShadowHint, camera: Camera, surface_at: SurfaceAt) -> tuple[float, float, float]:
    """From the tip of a shadow (never the middle of its visible part) to the top that casts it."""
    tip = surface_at(hint.tip, "hints.light.shadow.tip")
    if hint.base is None:
        top = surface_at(hint.shadow_of, "hints.light.shadow.shadow_of")
    else:
        base = surface_at(hint.base, "hints.light.shadow.base")
        ray = camera.rays(np.asarray(hint.shadow_of))
        # nearest approach of the view ray to the vertical above the base
        flat_ray, flat_base = ray[[0, 2]], (base - camera.position)[[0, 2]]
        along = float(flat_ray @ flat_base) / max(float(flat_ray @ flat_ray), 1e-12)
        top = np.array([base[0], camera.position[1] + along * ray[1], base[2]])
    towards = top - tip
    if towards[1] <= 1e-6:
        raise ValueError(
            f"hints.light.shadow: the top {list(hint.shadow_of)} comes out {towards[1]:.3g} m above the tip of its "
            f"shadow {list(hint.tip)}, expected clearly above. Give `base`, the foot of the thing below its top."
        )
    x, y, z = towards / np.linalg.norm(towards)
    return float(x), float(y), float(z)


def _spot(image: np.ndarray, pixel: tuple[float, float], name: str) -> np.ndarray:
    """Mean linear colour of 5 x 5 pixels."""
    u, v = int(pixel[0]), int(pixel[1])
    rows, cols = image.shape[:2]
    if not (0 <= u < cols and 0 <= v < rows):
        raise ValueError(f"{name} is pixel {list(pixel)}, outside the photo of {cols} x {rows} pixels.")
    window = image[max(v - 2, 0) : v + 3, max(u - 2, 0) : u + 3]
    return to_linear(window).mean((0, 1)).astype(np.float64)


def _from_white(hint: WhiteHint, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    lit = _spot(image, hint.light, "hints.white.light")
    shade = _spot(image, hint.shade, "hints.white.shade")
    if shade.sum() >= lit.sum():
        raise ValueError(
            f"hints.white: the spot in the shade {list(hint.shade)} is as bright as the one in the light "
            f"{list(hint.light)}; are they swapped?"
        )
    return lit, AMBIENT_OF_SHADE * shade


def _brightest_neutral(image: np.ndarray) -> np.ndarray:
    """Colour of white in this light: the mean of bright pixels of little colour, scaled to a bright white."""
    pixels = image[:: max(1, image.shape[0] // 300), :: max(1, image.shape[1] // 300)].reshape(-1, 3)
    pixels = pixels[pixels.max(1) < 0.995]  # clipped pixels have lost their colour
    if len(pixels) == 0:
        return np.full(3, 0.9)
    linear = to_linear(pixels).astype(np.float64)
    spread = (linear.max(1) - linear.min(1)) / np.maximum(linear.max(1), 1e-4)
    neutral = linear[spread < max(0.35, float(np.quantile(spread, 0.05)))]
    bright = neutral[neutral.sum(1) >= np.quantile(neutral.sum(1), 0.95)]
    mean = bright.mean(0)
    return np.clip(mean / max(mean.max(), 1e-4) * 0.9, 0.05, 1.0)
