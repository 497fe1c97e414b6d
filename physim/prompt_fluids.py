"""Clauses about liquids, lakes, drops and smoke."""

from __future__ import annotations

import re
from typing import Any

from physim.prompt_draft import Draft
from physim.prompt_found import Found, needs, object_of, region_of, span_of, start_of, target_of
from physim.prompt_words import Text, lexicon

WAVES = {"fall": 10.0, "wave": 4.0, "make": 4.0, "push": 6.0}
"""Wind that makes the waves of a lake, by the verb; crash is a kind of fall [m/s]."""


def liquid(text: Text, section: str, draft: Draft, entry: dict, found: Found, continued: bool) -> None:
    """Poured, where it is told or at the middle of the photo; what lies in the photo is a lake."""
    name = entry["noun"]
    region = region_of(name, found, draft)
    if region is not None:
        lake(text, section, draft, entry, found, continued)
        return
    pixel, place = target_of(text, draft, (0.5, 0.55))
    start = start_of(text, draft)
    slow = text.has("slowly", "slow", "gently", "drip", "drips", "dripping") is not None
    emit = {"pixel": pixel, "radius": 0.015, "velocity": [0.0, -0.3 if slow else -0.8, 0.0], **span_of(text, start)}
    free = draft.free_name(name)
    draft.things[free] = {"name": free, "emit": emit, "liquid": {"material": entry["material"]}}
    draft.tell(section, text, "done", f"{free}: {entry['material']}, poured {place}")


def lake(text: Text, section: str, draft: Draft, entry: dict, found: Found, continued: bool) -> None:
    name = entry.get("name", entry["noun"])
    region = region_of(entry["noun"], found, draft)
    if region is None:
        needs(text, section, draft, next((w for w in found.before if w in lexicon()["nouns"]), name))
        return
    liquid: dict[str, Any] = {"material": entry["material"]}
    if found.verb == "flow":
        direction = text.direction() or (1.0, 0.0, 0.0)
        speed = text.quantity("speed") or 0.5
        liquid["stream"] = [round(speed * direction[0], 4), round(speed * direction[2], 4)]
    elif not any("wind" in force for force in draft.forces):
        draft.wind([WAVES.get(found.verb or "", 4.0), 0.0, 0.0], 0.2)
    draft.things[name] = {"name": name, "select": region, "liquid": liquid}
    draft.tell(section, text, "done", f"{name}: {entry['material']} of the photo, moved by wind and what falls in")


def beads(text: Text, section: str, draft: Draft, entry: dict, found: Found, continued: bool) -> None:
    """Drops on a thing of the photo."""
    target = next((name for name in draft.select if re.search(rf"\b{re.escape(name)}\b", text.plain)), None)
    name = entry["name"]
    if continued and name in draft.things:
        draft.tell(section, text, "partly", "drops run off as they are, without the contact angle of a treated surface")
        return
    if target is None:
        needs(text, section, draft, object_of(text, "thing that they lie on" if continued else name))
        return
    place = draft.place_of(target) or draft.pixel(0.5, 0.5)
    draft.things[name] = {
        "name": name,
        "shape": {"sphere": 0.006},
        "at_pixel": place,
        "above": 0.02,
        "liquid": {"material": entry["material"]},
    }
    note = f"a drop of 12 mm falls on the {target}; films and beads below the grid's cells are not resolved"
    draft.tell(section, text, "partly", note)


def smoke(text: Text, section: str, draft: Draft, entry: dict, found: Found, continued: bool) -> None:
    name = entry.get("name", entry["noun"])
    pixel, place = target_of(text, draft, (0.5, 0.55))
    own = draft.place_of(entry["noun"]) or draft.place_of(name)
    if own is not None:
        pixel, place = own, f"at {own}"
    start = start_of(text, draft)
    direction = text.direction()
    velocity = [0.3 * d for d in direction] if direction else [0.0, 0.1, 0.0]
    rate = 3.0 if text.has("thick", "dense", "heavy") else 0.6 if text.has("thin", "light", "faint", "wispy") else 1.5
    free = name if continued and name in draft.things else draft.free_name(name)
    radius = entry.get("radius", 0.03)
    draft.things[free] = {
        "name": free,
        "emit": {"pixel": pixel, "radius": radius, "rate": rate, "velocity": velocity, **span_of(text, start)},
        "smoke": {"material": entry["material"]},
    }
    draft.tell(section, text, "done", f"{free}: {entry['material']}, {2 * radius:g} m wide, {place}")
