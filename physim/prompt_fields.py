"""Fields of the shot for what changes with time, of events as a prompt told them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

EARTH = 9.81
"""[m/s^2]"""
SWITCH = 0.01
"""How long it takes to switch gravity on or off [s]."""


def ended(forces: list[dict[str, Any]], seconds: float) -> None:
    """Give changes without an end that of the shot [s]."""
    for force in forces:
        velocity = force.get("wind", {}).get("velocity")
        for before, key in pairwise(velocity["keys"]) if isinstance(velocity, dict) else ():
            if key["at"] is None:
                key["at"] = max(seconds, before["at"] + SWITCH)


def gravity_field(events: list[dict[str, Any]], seconds: float) -> dict[str, Any]:
    """``gravity`` of the shot, of events in the order they were told."""
    if not events:
        return {}
    factor = 1.0
    keys: list[tuple[float, float]] = []
    for event in sorted(events, key=lambda e: float(e["start"])):
        end = seconds if event["length"] is None else event["start"] + event["length"]
        begin = max(float(event["start"]), keys[-1][0] + 1e-6 if keys else 0.0)
        if event["length"] != 0.0:
            keys += [(begin, factor), (max(end, begin + SWITCH), event["factor"])]
        factor = event["factor"]
    if not keys:
        return {"gravity": _down(factor)}
    return {"gravity": {"keys": [{"at": round(at, 6), "value": _down(f)} for at, f in keys]}}


def _down(factor: float) -> list[float]:
    return [0.0, round(-EARTH * factor, 6) + 0.0, 0.0]


def light_field(events: list[dict[str, Any]], seconds: float) -> dict[str, Any]:
    """``light`` of the shot."""
    if not events:
        return {}
    events = sorted(events, key=lambda e: float(e["start"]))
    start = float(events[0]["start"])
    keys: list[dict[str, float]] = []
    for event in events:
        end = seconds if event["length"] is None else event["start"] + event["length"]
        begin = float(event["start"])
        if keys and begin > keys[-1]["at"]:
            keys.append({"at": begin, "value": keys[-1]["value"]})
        least = (keys[-1]["at"] if keys else start) + SWITCH
        keys.append({"at": round(max(end, least), 6), "value": event["elevation"]})
    return {"light": ({"from": start} if start else {}) | {"elevation": {"keys": keys, "ease": "in_out"}}}
