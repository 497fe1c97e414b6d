"""Clauses about what happens: a noun, a verb, and what is said around them, become things and forces of the shot."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from physim.fabrics import FABRICS
from physim.materials import SOLIDS
from physim.prompt_draft import Draft
from physim.prompt_words import Text, lexicon, singular

DEFINITE = {"the", "its", "his", "her", "this", "that", "these", "those", "my", "our", "their"}
PUSH = 0.6
"""Speed that a push gives to a thing of the photo [m/s]."""
SPEED = {"throw": 2.0, "roll": 1.0, "slide": 0.6, "push": 0.8, "blow": 1.0}
"""Of an added thing, where none is said [m/s]."""
HEIGHT = 0.3
"""From which an added thing falls, where none is said [m]."""
WAVES = {"fall": 10.0, "wave": 4.0, "make": 4.0, "push": 6.0}
"""Wind that makes the waves of a lake, by the verb; crash is a kind of fall [m/s]."""
LONE = {"rigid": "wood", "mass": 0.5}


@dataclass(frozen=True)
class Found:
    """The head noun of a clause and its verb."""

    noun: str | None
    """As in the lexicon or in ``select``."""
    said: str
    """As in the prompt."""
    before: tuple[str, ...]
    """Words of its phrase before it."""
    definite: bool
    verb: str | None
    """Class of the verb."""
    base: str | None
    """The verb itself."""


def analysed(text: Text, draft: Draft) -> Found:
    """Head noun and verb."""
    words, forms = text.words, lexicon()["forms"]
    nouns = [_noun(words, i, draft) for i in range(len(words))]
    pure = [i for i, w in enumerate(words) if w in forms and nouns[i] is None]
    ambiguous = [i for i, w in enumerate(words) if w in forms and nouns[i] and any(nouns[:i])]
    at = pure[0] if pure else ambiguous[0] if ambiguous else len(words)
    known = [i for i, noun in enumerate(nouns) if noun and i != at]
    heads = [i for i in known if i < at] or [i for i in known if i > at]
    verb, base = forms[words[at]] if at < len(words) else (None, None)
    if not heads:
        return Found(None, "", (), False, verb, base)
    last = heads[0]
    while last + 1 in heads:
        last += 1
    first = last
    while first > 0 and (first - 1 in heads or _modifies(words[first - 1])):
        first -= 1
    definite = first > 0 and words[first - 1] in DEFINITE
    noun = nouns[last]
    said = " ".join(words[last - len(noun.split()) + 1 : last + 1]) if noun else ""
    said_words = [*words[first : last + 1], *words[at : at + 1]]
    text.used |= _meaningful(said_words)
    return Found(noun, said, tuple(words[first:last]), definite, verb, base)


def action(text: Text, section: str, draft: Draft) -> bool:
    """A clause with a noun or verb of the lexicon. False: there is neither."""
    words = lexicon()
    found = analysed(text, draft)
    if found.noun is None and found.verb is None:
        return False
    if found.verb is None and not ({"living", "cannot"} & {_matter(found.noun)}):
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
    matter = _matter(noun)
    if matter == "living" or found.verb == "living":
        draft.tell(section, text, "cannot", words["living"]["note"])
    elif found.verb == "cannot" or matter == "cannot":
        reason = words["cannot"].get(found.base) or words["cannot"].get(noun)
        draft.tell(section, text, "cannot", reason)
    elif noun is None:
        draft.tell(section, text, "ignored", "what this happens to is not known")
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
    span = _span(text, _start(text, draft))
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
    draft.tell(section, text, "done", f"wind of {', '.join(f'{v:g}' for v in velocity)} m/s (right, up, to the camera)")
    return True


def _rigid(text: Text, section: str, draft: Draft, entry: dict, found: Found, continued: bool) -> None:
    name = entry["noun"]
    if continued and name in draft.things:
        _moved(text, section, draft, draft.things[name], entry, found)
        return
    if _in_photo(name, found, draft):
        region = _region(name, found, draft)
        if region is None:
            _needs(text, section, draft, name)
            return
        thing = draft.things.setdefault(name, {"name": name, "select": region})
        thing.pop("static", None)
        thing.setdefault("rigid", {"material": _material(found, entry, SOLIDS)})
        _moved(text, section, draft, thing, entry, found)
        return
    for number in range(_count(text, found)):
        thing = _added(text, draft, entry, found, number)
        draft.things[thing["name"]] = thing
    _moved(text, section, draft, thing, entry, found)


def _moved(text: Text, section: str, draft: Draft, thing: dict, entry: dict, found: Found) -> None:
    """What the verb does to a rigid thing."""
    start = _start(text, draft)
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
    if start:
        text_of = f"{what}, added; but it moves from the first frame, since things cannot be let go at {start:g} s"
        draft.tell(section, text, "partly", text_of)
    else:
        draft.tell(section, text, "done", f"{what}, added")


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
        thing |= {"cloth": {"material": _material(found, entry, FABRICS)}, "rotation": [75.0, 0.0, 10.0]}
    elif entry["matter"] == "static":
        thing["static"] = {"material": _material(found, entry, SOLIDS)}
    else:
        thing["rigid"] = {"material": _material(found, entry, SOLIDS)}
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
    if not _in_photo(name, found, draft) and not continued:
        thing = _added(text, draft, entry, found, 0)
        draft.things[thing["name"]] = thing
        draft.tell(section, text, "done", f"{thing['name']}: a cloth of {thing['cloth']['material']}, added")
        return
    region = _region(name, found, draft)
    if region is None:
        _needs(text, section, draft, name)
        return
    pin = [{"where": entry.get("pin", "top")}]
    material = _material(found, entry, FABRICS)
    draft.things[name] = {
        "name": name,
        "select": region,
        "lift": {"kind": "sheet"},
        "cloth": {"material": material, "pin": pin},
    }
    if not any("wind" in force for force in draft.forces):
        draft.wind([4.0, 0.0, 0.0], 0.3)
    draft.tell(section, text, "done", f"{name}: a cloth of {material}, held at its {pin[0]['where']}, in the wind")


def _liquid(text: Text, section: str, draft: Draft, entry: dict, found: Found, continued: bool) -> None:
    """Poured, where it is told or at the middle of the photo; what lies in the photo is a lake."""
    name = entry["noun"]
    region = _region(name, found, draft)
    if region is not None:
        _lake(text, section, draft, entry, found, continued)
        return
    pixel, place = _target(text, draft, (0.5, 0.55))
    start = _start(text, draft)
    slow = text.has("slowly", "slow", "gently", "drip", "drips", "dripping") is not None
    emit = {"pixel": pixel, "radius": 0.015, "velocity": [0.0, -0.3 if slow else -0.8, 0.0], **_span(text, start)}
    free = draft.free_name(name)
    draft.things[free] = {"name": free, "emit": emit, "liquid": {"material": entry["material"]}}
    draft.tell(section, text, "done", f"{free}: {entry['material']}, poured {place}")


def _lake(text: Text, section: str, draft: Draft, entry: dict, found: Found, continued: bool) -> None:
    name = entry.get("name", entry["noun"])
    region = _region(entry["noun"], found, draft)
    if region is None:
        _needs(text, section, draft, next((w for w in found.before if w in lexicon()["nouns"]), name))
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


def _beads(text: Text, section: str, draft: Draft, entry: dict, found: Found, continued: bool) -> None:
    """Drops on a thing of the photo."""
    target = next((name for name in draft.select if re.search(rf"\b{re.escape(name)}\b", text.plain)), None)
    name = entry["name"]
    if continued and name in draft.things:
        draft.tell(section, text, "partly", "drops run off as they are, without the contact angle of a treated surface")
        return
    if target is None:
        _needs(text, section, draft, _object(text, "thing that they lie on" if continued else name))
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


def _smoke(text: Text, section: str, draft: Draft, entry: dict, found: Found, continued: bool) -> None:
    name = entry.get("name", entry["noun"])
    pixel, place = _target(text, draft, (0.5, 0.55))
    own = draft.place_of(entry["noun"]) or draft.place_of(name)
    if own is not None:
        pixel, place = own, f"at {own}"
    start = _start(text, draft)
    direction = text.direction()
    velocity = [0.3 * d for d in direction] if direction else [0.0, 0.1, 0.0]
    rate = 3.0 if text.has("thick", "dense", "heavy") else 0.6 if text.has("thin", "light", "faint", "wispy") else 1.5
    free = name if continued and name in draft.things else draft.free_name(name)
    radius = entry.get("radius", 0.03)
    draft.things[free] = {
        "name": free,
        "emit": {"pixel": pixel, "radius": radius, "rate": rate, "velocity": velocity, **_span(text, start)},
        "smoke": {"material": entry["material"]},
    }
    draft.tell(section, text, "done", f"{free}: {entry['material']}, {2 * radius:g} m wide, {place}")


_MAKERS = {
    "rigid": _rigid,
    "static": _rigid,
    "cloth": _cloth,
    "liquid": _liquid,
    "lake": _lake,
    "beads": _beads,
    "smoke": _smoke,
}


def _noun(words: list[str], i: int, draft: Draft) -> str | None:
    """The noun that ends at word ``i``."""
    lexical = lexicon()
    pair = " ".join(words[max(i - 1, 0) : i + 1])
    for name in (pair, words[i], singular(words[i])):
        if name in draft.select or name in lexical["nouns"] or name in lexical["living"]["beings"]:
            return name
    base = singular(words[i])
    return base if base in lexical["cannot"] and words[i] not in lexical["forms"] else None


def _matter(noun: str | None) -> str | None:
    words = lexicon()
    if noun in words["living"]["beings"]:
        return "living"
    if noun in words["cannot"]:
        return "cannot"
    return None


def _modifies(word: str) -> bool:
    words = lexicon()
    others = {"two", "three", "four", "five", "six", "some", "several", "against"}
    return word not in DEFINITE | others and word not in words["forms"] and word not in words["filler"]


def _meaningful(phrase: list[str]) -> set[str]:
    """Words of a noun phrase that change something: nouns, verbs, materials, sizes."""
    words = lexicon()
    known = {*words["nouns"], *words["materials"], *words["sizes"], *SOLIDS, *FABRICS, *words["forms"]}
    return {word for word in phrase if word in known or singular(word) in known}


def _material(found: Found, entry: dict[str, Any], table: Any) -> str:
    for word in reversed(found.before):
        name = lexicon()["materials"].get(word, word)
        if name in table:
            return str(name)
    return str(entry["material"])


def _count(text: Text, found: Found) -> int:
    number = text.number(r"(?:^|\s)(\d+) (?:\w+ ){0,3}" + re.escape(found.said))
    if number is None:
        return 3 if text.has("several", "some", "a few") else 1
    return max(1, min(int(number), 20))


def _in_photo(name: str, found: Found, draft: Draft) -> bool:
    return found.definite or name in draft.select


def _region(name: str, found: Found, draft: Draft) -> dict[str, Any] | None:
    for key in (name, *found.before, found.said, "water", "sea", "ocean"):
        wet = lexicon()["nouns"].get(name, {}).get("matter") in ("lake", "liquid")
        if key in draft.select and (wet or key in (name, *found.before, found.said)):
            return dict(draft.select[key])
    return None


def _target(text: Text, draft: Draft, usual: tuple[float, float]) -> tuple[list[float], str]:
    """Where something comes from or goes to: a named place of the photo, else its middle."""
    for name in draft.select:
        place = draft.place_of(name)
        if place is not None and re.search(rf"\b{re.escape(name)}\b", text.plain):
            text.used |= set(name.split())
            return place, f"at the {name}"
    pixel = draft.pixel(*usual)
    return pixel, f"at pixel {pixel[0]:g}, {pixel[1]:g}, since no place of it was given"


def _object(text: Text, name: str) -> str:
    found = re.search(r"\b(?:on|with|over|onto) the ([a-z]+(?: glass)?)", text.plain)
    return found.group(1) if found else name


def _needs(text: Text, section: str, draft: Draft, name: str) -> None:
    draft.tell(section, text, "needs", f"where is the {name} in the photo? Give a pixel of it: --select '{name}=u,v'")


def _start(text: Text, draft: Draft) -> float:
    given = text.quantity("time", after=r"(?:at|after|from) ")
    return draft.time if given is None else given


def _span(text: Text, start: float) -> dict[str, float]:
    length = text.quantity("time", after=r"for ")
    return ({"start": start} if start else {}) | ({"end": start + length} if length else {})
