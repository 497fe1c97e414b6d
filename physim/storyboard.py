"""Storyboard: several shots of one scene in one file. ``shots`` in a shot file, in place of ``camera`` and ``seconds``.

The world goes on from one shot to the next with its state, its look and its seeds: it is simulated once, and the
picture cuts. So what each shot begins from is to the bit the last state of the one before, the sound is one, and the
joined file has one signature. A storyboard becomes a plain shot with ``cuts``, which is what is kept beside the video.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field, ValidationError

from physim.shot import ForceSpec
from physim.shot_camera import MoveSpec
from physim.shot_errors import explain
from physim.shot_model import Model, Positive
from physim.shot_over_time import later_keys
from physim.shot_text import Finding, Route

INSTEAD = ("camera", "cuts", "seconds")
"""Fields whose place ``shots`` takes."""
MAX_SHOTS = 200


class BoardShot(Model):
    """One shot of a storyboard; all its times count from its own beginning."""

    seconds: Positive = Field(description="how long it is [s]")
    camera: list[MoveSpec] = Field(default=[], description="moves, from the photo on, as in a shot")
    forces: list[ForceSpec] = Field(default=[], description="wind and pushes, as in a shot")


def expanded(data: dict[str, Any], lines: dict[Route, int]) -> tuple[dict[str, Any], list[Finding]]:
    """The plain shot of a storyboard, and the mistakes in its ``shots``.

    Args:
        data: Of the file, with ``shots``.
        lines: Of every field; lines of what moves to another field are added.
    """
    shots = data["shots"]
    findings = [Finding((name,), "given with `shots`, each of which has its own.") for name in INSTEAD if name in data]
    if not isinstance(shots, list) or not 1 <= len(shots) <= MAX_SHOTS:
        return {}, [
            *findings,
            Finding(("shots",), f"expected a list of 1 to {MAX_SHOTS} shots: [{{seconds: 2}}, ...]."),
        ]
    plain = {name: value for name, value in data.items() if name not in ("shots", *INSTEAD)}
    plain |= {"camera": [], "cuts": [], "forces": _list(data.get("forces"))}
    end = 0.0
    for number, given in enumerate(shots):
        try:
            one = BoardShot.model_validate(given)
        except ValidationError as error:
            findings += [Finding(("shots", number, *found.route), found.text) for found in explain(error)]
            continue
        if end:
            plain["cuts"].append(round(end, 9))
        for kind, later in (("camera", _later_move), ("forces", _later_force)):
            for i, entry in enumerate(given.get(kind) or []):
                route: Route = ("shots", number, kind, i)
                _keep_lines(lines, route, (kind, len(plain[kind])))
                plain[kind].append(later(entry, end))
        end += one.seconds
    return plain | {"seconds": round(end, 9)}, findings


def _list(given: Any) -> list[Any]:
    """What is no list is kept, so that it is refused as what it is."""
    return list(given) if isinstance(given, list) else [] if given is None else [given]


def _keep_lines(lines: dict[Route, int], old: Route, new: Route) -> None:
    size = len(old)
    lines |= {(*new, *route[size:]): line for route, line in lines.items() if route[:size] == old}


def _later_move(move: dict[str, Any], by: float) -> dict[str, Any]:
    """A move whose times count from the beginning of the whole."""
    if move.get("move") == "keys":
        return {**move, "keys": [{**key, "at": float(key["at"]) + by} for key in move["keys"]]}
    late = {"to": float(move["to"]) + by} if move.get("to") is not None else {}
    return {**move, "from": float(move.get("from", 0.0)) + by, **late}


def _later_force(force: dict[str, Any], by: float) -> dict[str, Any]:
    """A force whose times count from the beginning of the whole."""
    if force.get("wind") is not None:
        blow = dict(force["wind"])
        late = {"to": float(blow["to"]) + by} if blow.get("to") is not None else {}
        velocity = later_keys(blow.get("velocity"), by)
        return {"wind": {**blow, "velocity": velocity, "from": float(blow.get("from", 0.0)) + by, **late}}
    if force.get("push") is not None:
        lasting = dict(force["push"])
        late = {"to": float(lasting["to"]) + by} if lasting.get("to") is not None else {}
        newtons = later_keys(lasting.get("newtons"), by)
        return {"push": {**lasting, "newtons": newtons, "from": float(lasting.get("from", 0.0)) + by, **late}}
    push = dict(force["impulse"])
    return {"impulse": {**push, "at": float(push.get("at", 0.0)) + by}}
