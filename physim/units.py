"""Quantities with units, as people write them, to SI: "5 cm", "30 km/h", "20 °C"."""

from __future__ import annotations

import difflib
import math
import re

_SI: dict[str, tuple[str, float]] = {
    "m": ("m", 1.0), "cm": ("m", 1e-2), "mm": ("m", 1e-3), "km": ("m", 1e3), "in": ("m", 0.0254), "ft": ("m", 0.3048),
    "s": ("s", 1.0), "ms": ("s", 1e-3), "min": ("s", 60.0),
    "kg": ("kg", 1.0), "g": ("kg", 1e-3), "mg": ("kg", 1e-6), "t": ("kg", 1e3),
    "m/s": ("m/s", 1.0), "cm/s": ("m/s", 1e-2), "km/h": ("m/s", 1 / 3.6), "mph": ("m/s", 0.44704),
    "kn": ("m/s", 0.514444),
    "rad": ("rad", 1.0), "rad/s": ("rad/s", 1.0), "rpm": ("rad/s", math.pi / 30), "deg/s": ("rad/s", math.pi / 180),
    "degrees": ("degrees", 1.0), "deg": ("degrees", 1.0), "°": ("degrees", 1.0),
    "kg/m^3": ("kg/m^3", 1.0), "g/cm^3": ("kg/m^3", 1e3), "kg/m^2": ("kg/m^2", 1.0), "g/m^2": ("kg/m^2", 1e-3),
    "N": ("N", 1.0), "N s": ("N s", 1.0), "N/m": ("N/m", 1.0), "Pa": ("Pa", 1.0), "kPa": ("Pa", 1e3),
    "MPa": ("Pa", 1e6), "GPa": ("Pa", 1e9), "Pa s": ("Pa s", 1.0), "mPa s": ("Pa s", 1e-3),
    "J": ("J", 1.0), "W": ("W", 1.0),
    "1/s": ("1/s", 1.0), "Hz": ("1/s", 1.0), "1/m": ("1/m", 1.0), "K": ("K", 1.0), "pixels": ("pixels", 1.0),
    "px": ("pixels", 1.0), "%": ("-", 1e-2),
}  # fmt: skip
"""Unit → SI unit as the fields of a shot name it, and factor. °C alone has an offset."""
_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(.*?)\s*$")


def quantity(text: str, unit: str | None = None) -> float:
    """The number of ``text`` in ``unit``.

    Args:
        text: "0.05", "5 cm", "5cm", "20 °C".
        unit: SI unit that is expected, such as "m" or "N s"; ``None`` or "-": a plain number.

    Raises:
        ValueError: No number, an unknown unit, or a unit of another kind.
    """
    match = _NUMBER.match(text)
    if match is None:
        raise ValueError(f"{text!r} is no number, expected one such as 0.5 or 5 cm.")
    value, given = float(match[1]), match[2].replace("·", " ").replace("²", "^2").replace("³", "^3")
    if not given:
        return value
    if given in ("°C", "C", "degC"):
        given, value = "K", value + 273.15
    if given not in _SI:
        near = difflib.get_close_matches(given, _SI, n=1)
        raise ValueError(f"{text!r}: unknown unit {given!r}." + (f" Did you mean {near[0]!r}?" if near else ""))
    kind, factor = _SI[given]
    if kind != (unit or "-"):
        expected = f"in [{unit}]" if unit and unit != "-" else "without a unit"
        raise ValueError(f"{text!r} is in {given}, expected a number {expected}.")
    return value * factor
