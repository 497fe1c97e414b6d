"""Clauses about what happens: a noun, a verb, and what is said around them, become things and forces of the shot."""

from __future__ import annotations

import re
from typing import Any

from physim.fabrics import FABRICS
from physim.materials import SOLIDS
from physim.prompt_draft import Draft
from physim.prompt_fluids import beads, lake, liquid, smoke
from physim.prompt_found import (
    Found,
    analysed,
    count_of,
    is_in_photo,
    material_of,
    matter_of,
    needs,
    region_of,
    span_of,
    start_of,
)
from physim.prompt_timeline import swelling
from physim.prompt_words import Text, lexicon

UNKNOWN = (
    "what this happens to is not known; name a thing of the photo with --select, or one that can be added, such as a "
    "ball, cube, coin, cup, cloth, water or steam"
)
"""Said of a verb without a noun that the lexicon has."""
PUSH = 0.6
"""Speed that a push gives to a thing of the photo [m/s]."""
SPEED = {"throw": 2.0, "roll": 1.0, "slide": 0.6, "push": 0.8, "blow": 1.0}
"""Of an added thing, where none is said [m/s]."""
HEIGHT = 0.3
"""From which an added thing falls, where none is said [m]."""
LONE = {"rigid": "wood", "mass": 0.5}


def action(text: Text, section: str, draft: Draft) -> bool:
    """A clause with a noun or verb of the lexicon. False: there is neither."""
    words = lexicon()
    found = analysed(text, draft)
    if found.noun is None and found.verb is None:
        return False
    if found.verb is None and not ({"living", "cannot"} & {matter_of(found.noun)}):
        if found.noun in draft.things or section == "reference":
            return False
        draft.subject = found.noun
        draft.tell(section, text, "ignored", "no verb says what happens to it")
        return True
    if found.noun is None and found.verb == "cannot":
        draft.tell(section, text, "cannot", words["cannot"][found.base])
        return True
    noun = found.noun or draft.subject
    if noun is not None:
        draft.subject = noun
    matter = matter_of(noun)
    if matter == "living" or found.verb == "living":
        draft.tell(section, text, "cannot", words["living"]["note"])
    elif found.verb == "cannot" or matter == "cannot":
        reason = words["cannot"].get(found.base) or words["cannot"].get(noun)
        draft.tell(section, text, "cannot", reason)
    elif noun is None:
        draft.tell(section, text, "ignored", UNKNOWN)
    else:
        wind_in(text, draft)
        entry = words["nouns"].get(noun, {"matter": "rigid", "material": "wood", "mass": 0.5})
        continued = found.noun is None
        _MAKERS[entry["matter"]](text, section, draft, entry | {"noun": noun}, found, continued)
    return True


def wind_in(text: Text, draft: Draft) -> bool:
    """A wind that is mentioned anywhere in the clause."""
    words = lexicon()["wind"]
    if not text.has(*words["words"]):
        return False
    speed = text.quantity("speed")
    if speed is None:
        speed = next((words["speeds"][w] for w in ("strong", *words["speeds"]) if text.has(w)), words["usual"])
    direction = text.direction() or (1.0, 0.0, 0.0)
    gust = 0.5 if text.has("gust", "gusts", "gusty", "gusting") else 0.2
    span = span_of(text, start_of(text, draft))
    times = {name: span[key] for name, key in (("from", "start"), ("to", "end")) if key in span}
    draft.wind([round(speed * d, 4) for d in direction], gust, times)
    return True


def wind(text: Text, section: str, draft: Draft) -> bool:
    """A clause that is about the wind itself."""
    found = analysed(text, draft)
    if found.noun is not None and found.verb not in (None, "blow"):
        return False
    if found.noun is not None and not re.match(r"(?:an? |the )?(?:\w+ )*(?:wind|breeze|gust|gale|storm)", text.plain):
        return False
    if not wind_in(text, draft):
        return False
    text.has("blow", "blows", "blowing")
    velocity = draft.forces[-1]["wind"]["velocity"]
    told = swelling(text, draft)
    note = f"wind of {', '.join(f'{v:g}' for v in velocity)} m/s (right, up, to the camera)"
    draft.tell(section, text, "done", f"wind that {told}" if told else note)
    return True


def _rigid(text: Text, section: str, draft: Draft, entry: dict, found: Found, continued: bool) -> None:
    name = entry["noun"]
    if continued and name in draft.things:
        _moved(text, section, draft, draft.things[name], entry, found)
        return
    if is_in_photo(name, found, draft):
        region = region_of(name, found, draft)
        if region is None:
            needs(text, section, draft, name)
            return
        thing = draft.things.setdefault(name, {"name": name, "select": region})
        thing.pop("static", None)
        thing.setdefault("rigid", {"material": material_of(found, entry, SOLIDS)})
        _moved(text, section, draft, thing, entry, found)
        return
    start = start_of(text, draft)
    for number in range(count_of(text, found)):
        thing = _added(text, draft, entry, found, number)
        if start and "rigid" in thing:
            thing["release"] = start
        draft.things[thing["name"]] = thing
    _moved(text, section, draft, thing, entry, found)


def _moved(text: Text, section: str, draft: Draft, thing: dict, entry: dict, found: Found) -> None:
    """What the verb does to a rigid thing."""
    start = start_of(text, draft)
    over = text.has("over", "down") is not None
    direction = text.direction()
    name = thing["name"]
    what = f"{name}: rigid, {thing.get('rigid', {}).get('material', '')}"
    if "select" in thing:
        shoved = found.verb in ("tip", "push", "throw", "roll", "slide")
        pushed = shoved or (found.verb == "fall" and (over or direction is not None))
        if found.verb == "spin":
            thing["angular_velocity"] = [0.0, 360.0, 0.0]
        elif pushed:
            speed = text.quantity("speed") or PUSH
            impulse = [round(speed * entry.get("mass", LONE["mass"]) * d, 5) for d in direction or (1.0, 0.0, 0.0)]
            draft.forces.append({"impulse": {"on": name, "newton_seconds": impulse, "at": start}})
            what += f", pushed at {start:g} s"
        draft.tell(section, text, "done", f"{what}, taken out of the photo")
        return
    if found.verb == "spin":
        for other in draft.things.values():
            if other["name"].split("_")[0] == name.split("_")[0]:
                other["angular_velocity"] = [0.0, 720.0, 0.0]
    release = thing.get("release", 0.0)
    later = f", held in sight until it is let go at {release:g} s" if release else ""
    if start != release and "rigid" in thing:
        later += f"; what it does at {start:g} s follows from that"
    draft.tell(section, text, "done" if start == release else "partly", f"{what}, added{later}")


def _added(text: Text, draft: Draft, entry: dict, found: Found, number: int) -> dict[str, Any]:
    """A thing that is not in the photo."""
    kind, dimensions = next(iter(entry["shape"].items()))
    direction = text.direction()
    across = 0.5
    if text.has("on the left", "at the left", "left side"):
        across, direction = 0.3, None
    elif text.has("on the right", "at the right", "right side"):
        across, direction = 0.7, None
    flying = found.verb in SPEED
    if flying and re.search(r"from (?:the )?(?:left|right)", text.plain):
        across = 0.15 if direction == (1.0, 0.0, 0.0) else 0.85
    height = text.quantity("length", after=r"(?:from|of|above|height of|from a height of)(?: about| around)? ")
    above = {"fall": HEIGHT, "bounce": HEIGHT, "throw": 0.15}.get(found.verb or "", 0.002)
    above = height if height is not None and found.verb in ("fall", "bounce", "throw") else above
    thing: dict[str, Any] = {
        "name": draft.free_name(entry["noun"]),
        "shape": {kind: _scaled(text, found, kind, dimensions, height)},
        "at_pixel": draft.pixel(min(max(across + 0.05 * number, 0.05), 0.95), 0.62 - 0.05 * (number % 3)),
        "above": above,
    }
    if entry["matter"] == "cloth":
        thing |= {"cloth": {"material": material_of(found, entry, FABRICS)}, "rotation": [75.0, 0.0, 10.0]}
    elif entry["matter"] == "static":
        thing["static"] = {"material": material_of(found, entry, SOLIDS)}
    else:
        thing["rigid"] = {"material": material_of(found, entry, SOLIDS)}
    if flying:
        speed = text.quantity("speed") or SPEED[found.verb or ""]
        thing["velocity"] = [round(speed * d, 5) for d in direction or (1.0, 0.0, 0.0)]
    return thing


def _scaled(text: Text, found: Found, kind: str, dimensions: Any, height: float | None) -> Any:
    """Size that was said: a diameter or a length of the longest side; else the usual one, small or big."""
    longest = 2 * dimensions if kind == "sphere" else max(dimensions)
    size = text.quantity("length", before=r"(?!.*\bheight)") if height is None else None
    size = (text.quantity("length", after=r"radius(?: of)? ") and 2 * text.quantity("length")) or size  # type: ignore[operator]
    if height is not None:
        lengths = re.findall(r"\d+(?:\.\d+)?[\s-]*(?:cm|mm|m|inch(?:es)?)\b", text.plain)
        size = text.quantity("length", before=r"(?= (?:wide|in diameter|diameter|tall|cube|ball))") if lengths else None
    if found.verb in ("fall", "bounce") and size is not None and re.search(r"\bfrom\b", text.plain):
        size = None
    adjective = next((lexicon()["sizes"][w] for w in found.before if w in lexicon()["sizes"]), 1.0)
    factor = size / longest if size else adjective
    return round(dimensions * factor, 6) if kind == "sphere" else [round(d * factor, 6) for d in dimensions]


def _cloth(text: Text, section: str, draft: Draft, entry: dict, found: Found, continued: bool) -> None:
    name = entry["noun"]
    if not is_in_photo(name, found, draft) and not continued:
        thing = _added(text, draft, entry, found, 0)
        draft.things[thing["name"]] = thing
        note, start = f"{thing['name']}: a cloth of {thing['cloth']['material']}, added", start_of(text, draft)
        late = f"; but it moves from the first frame, since a cloth cannot be let go at {start:g} s" if start else ""
        draft.tell(section, text, "partly" if start else "done", note + late)
        return
    region = region_of(name, found, draft)
    if region is None:
        needs(text, section, draft, name)
        return
    pin = [{"where": entry.get("pin", "top")}]
    material = material_of(found, entry, FABRICS)
    draft.things[name] = {
        "name": name,
        "select": region,
        "lift": {"kind": "sheet"},
        "cloth": {"material": material, "pin": pin},
    }
    if not any("wind" in force for force in draft.forces):
        draft.wind([4.0, 0.0, 0.0], 0.3)
    draft.tell(section, text, "done", f"{name}: a cloth of {material}, held at its {pin[0]['where']}, in the wind")


_MAKERS = {
    "rigid": _rigid,
    "static": _rigid,
    "cloth": _cloth,
    "liquid": liquid,
    "lake": lake,
    "beads": beads,
    "smoke": smoke,
}
