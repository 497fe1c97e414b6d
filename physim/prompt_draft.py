"""The shot that grows while a prompt is read, and what became of each clause."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from physim.prompt_fields import ended, gravity_field, light_field
from physim.prompt_words import Text

Status = Literal["done", "partly", "needs", "cannot", "ignored"]
"""done; partly: the note says what is missing; needs: a place in the photo must be given; cannot: not simulated;
ignored: not understood."""

USUAL = 3.0
"""Length of a video where none is said [s]."""
AFTER = 1.0
"""What is left of it at least once the last thing has begun [s]."""


@dataclass(frozen=True)
class Clause:
    """One clause of the prompt and what became of it."""

    section: str
    text: str
    status: Status
    note: str
    unused: tuple[str, ...] = ()
    """Words that nothing was made of."""

    def __str__(self) -> str:
        rest = f" (not used: {', '.join(self.unused)})" if self.unused else ""
        return f"{self.status:<8} {self.text!r}: {self.note}{rest}"


@dataclass
class Draft:
    """Plain data of the shot so far."""

    size: tuple[int, int]
    """(height, width) of the photo [pixels]."""
    select: Mapping[str, dict[str, Any]]
    """Names of things → where they are in the photo."""
    things: dict[str, dict[str, Any]] = field(default_factory=dict)
    forces: list[dict[str, Any]] = field(default_factory=list)
    camera: list[dict[str, Any]] = field(default_factory=list)
    light: dict[str, Any] = field(default_factory=dict)
    output: dict[str, Any] = field(default_factory=dict)
    top: dict[str, Any] = field(default_factory=dict)
    """``seconds``, ``fps``, ``seed``."""
    rigid: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Physics to be set on a named rigid thing, or on all by the name ''."""
    sun: list[dict[str, Any]] = field(default_factory=list)
    """Where the sun goes: start, length [s], elevation [degrees]."""
    gravity: list[dict[str, Any]] = field(default_factory=list)
    """What becomes of gravity: start, length [s], factor."""
    clauses: list[Clause] = field(default_factory=list)
    time: float = 0.0
    """Of the last timestamp [s]."""
    subject: str | None = None
    """Head noun of the clause before, which a clause without one goes on about."""
    following: list[int] = field(default_factory=list)
    """Camera moves that come after the one before them."""

    def tell(self, section: str, text: Text, status: Status, note: str) -> None:
        """Record a clause."""
        unused = () if status in ("ignored", "cannot", "needs") else tuple(text.unused())
        self.clauses.append(Clause(section, text.raw, status, note, unused))

    def pixel(self, across: float, down: float) -> list[float]:
        """A place in the photo from fractions of its sides [pixels]."""
        return [round(self.size[1] * across, 1), round(self.size[0] * down, 1)]

    def place_of(self, name: str) -> list[float] | None:
        """The pixel given for a thing: its click, or the middle of its box."""
        region = self.select.get(name, {})
        if "click" in region:
            return list(region["click"])
        if "box" in region:
            u0, v0, u1, v1 = region["box"]
            return [(u0 + u1) / 2, (v0 + v1) / 2]
        return None

    def free_name(self, name: str) -> str:
        """``ball``, ``ball_2``, ..."""
        number = 2
        free = name
        while free in self.things:
            free, number = f"{name}_{number}", number + 1
        return free

    def wind(self, velocity: list[float], gust: float, times: Mapping[str, float] | None = None) -> None:
        """One wind; a later one that blows all the time takes the place of an earlier such one.

        Args:
            velocity: [m/s]
            gust: Relative variation [-].
            times: ``from`` and ``to`` [s].
        """
        if not times:
            self.forces = [f for f in self.forces if not ("wind" in f and {"from", "to"}.isdisjoint(f["wind"]))]
        self.forces.append({"wind": {"velocity": velocity, "gust": gust, **(times or {})}})

    def data(self, photo: Any) -> dict[str, Any]:
        """Fields of a :class:`physim.Shot`."""
        for thing in self.things.values():
            if "rigid" in thing:
                thing["rigid"] |= self.rigid.get("", {}) | self.rigid.get(thing["name"].split("_")[0], {})
        late = max((beginning(entry) for entry in (*self.things.values(), *self.forces)), default=0.0)
        late = max([late, *(float(event["start"]) for event in (*self.gravity, *self.sun))])
        changes = (float(event["start"]) + (event["length"] or 0.0) for event in (*self.gravity, *self.sun))
        needed = max([late + AFTER, *changes])
        if "seconds" not in self.top and needed > USUAL:
            self.top["seconds"] = round(needed, 3)
        self._in_turn()
        seconds = float(self.top.get("seconds", USUAL))
        ended(self.forces, seconds)
        hints = {"light": self.light} if self.light else {}
        return {
            "photo": photo,
            "hints": hints,
            "things": list(self.things.values()),
            "forces": self.forces,
            "camera": self.camera,
            "output": self.output,
            **gravity_field(self.gravity, seconds),
            **light_field(self.sun, seconds),
            **self.top,
        }

    def _in_turn(self) -> None:
        """Camera moves joined by "then" and without times share the shot equally."""
        timed = any({"from", "to"} & move.keys() for move in self.camera)
        if not self.following or timed:
            return
        seconds = float(self.top.get("seconds", USUAL))
        part = seconds / len(self.camera)
        for i, move in enumerate(self.camera):
            move |= {"from": round(i * part, 6), "to": round((i + 1) * part, 6)}


def beginning(entry: Mapping[str, Any]) -> float:
    """When a thing or a force of the shot begins to do something [s]."""
    blow = entry.get("wind", {})
    if isinstance(blow.get("velocity"), dict):
        return float(blow["velocity"]["keys"][0]["at"])
    start = entry.get("emit", {}).get("start", blow.get("from", entry.get("release", 0.0)))
    return float(entry.get("impulse", {}).get("at", start))
