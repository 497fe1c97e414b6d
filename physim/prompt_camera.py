"""Clauses about the camera, the light, the sound and the file."""

from __future__ import annotations

import math
import re
from typing import Any

from physim.prompt_draft import Draft
from physim.prompt_words import Text, lexicon

SIGNS = {
    "left": -1, "right": 1, "down": -1, "downwards": -1, "up": 1, "upwards": 1, "out": -1, "back": -1, "backward": -1,
    "backwards": -1, "away": -1, "in": 1, "forward": 1, "forwards": 1, "counterclockwise": -1, "anticlockwise": -1,
    "clockwise": 1, "lower": -1, "lowers": -1, "descend": -1, "descends": -1,
}  # fmt: skip
NAMED = {"degrees": "angle", "metres": "length", "factor": "factor"}


def camera(text: Text, section: str, draft: Draft, *, then: bool = False) -> bool:
    """A move of the camera. False: there is none in the clause."""
    for entry in lexicon()["camera"]:
        word = text.has(*entry["words"])
        if word is not None:
            break
    else:
        return False
    move = entry["move"]
    text.mark(entry["words"])
    if move == "static":
        draft.tell(section, text, "done", "the camera stays where the photo was taken")
        return True
    amount = next(name for name in NAMED if name in entry)
    given = text.quantity(NAMED[amount])
    value = abs(given) if given is not None else float(entry[amount])
    pace = text.has(*lexicon()["speeds"])
    if given is None and pace is not None and amount != "factor":
        value *= lexicon()["speeds"][pace]
    sign = _sign(text, word)
    if move == "zoom":
        value = 1 / value if sign < 0 else value
    elif move != "handheld":
        value *= sign
    spec: dict[str, Any] = {"move": move, amount: round(value, 6)} | _times(text, draft)
    if then and draft.camera:
        draft.following.append(len(draft.camera))
        if "to" in draft.camera[-1] and "from" not in spec:
            spec["from"] = draft.camera[-1]["to"]
    draft.camera.append(spec)
    usual = "" if given is not None else ", the usual amount"
    unit = {"degrees": " degrees", "metres": " m", "factor": " times"}[amount]
    draft.tell(section, text, "done", f"camera: {move} {value:.4g}{unit}{usual}, as far as the photo can show it")
    return True


def _sign(text: Text, word: str) -> int:
    for name, sign in SIGNS.items():
        if name in ("left", "right", "up", "down") and text.has(name):
            return sign
    for name in (*word.split(), *text.plain.split()):
        if name in SIGNS and text.has(name):
            return SIGNS[name]
    return 1


def _times(text: Text, draft: Draft) -> dict[str, float]:
    """``from`` and ``to`` of a move [s]."""
    first = text.quantity("time", after=r"from ") or text.number(r"from (\d+(?:\.\d+)?) to")
    last = text.quantity("time", after=r"to ")
    if first is not None and last is not None:
        return {"from": first, "to": last}
    start = text.quantity("time", after=r"(?:at|after) ")
    start = draft.time if start is None else start
    length = text.quantity("time", after=r"(?:over|in|for|within) (?:the (?:first|next) )?")
    times = {"from": start} if start else {}
    return times | ({"to": start + length} if length is not None else {})


def light(text: Text, section: str, draft: Draft) -> bool:
    """The light of the scene."""
    words = lexicon()
    if text.has(*words["light_change"]):
        draft.tell(
            section,
            text,
            "cannot",
            "what the light is to become is not known: sunset, evening, dusk, night, morning or noon would be",
        )
        return True
    if text.has(*words["reflect"]):
        draft.tell(section, text, "partly", words["reflect_note"])
        return True
    entry = next((e for e in words["light"] if text.has(*e["words"])), None)
    if entry is None:
        return False
    for other in words["light"]:
        text.mark(other["words"])
    high = math.radians(entry["elevation"])
    aside, front = 0.35, 0.94
    if text.has("from the left", "from left", "left"):
        aside, front = -0.94, 0.35
    elif text.has("from the right", "from right", "right"):
        aside, front = 0.94, 0.35
    elif text.has("from behind", "backlight", "back light", "rim light"):
        aside, front = 0.0, -1.0
    if text.has("from above", "overhead", "from the top"):
        high = math.radians(85)
    flat = math.cos(high)
    draft.light = {
        "direction": [round(aside * flat, 4), round(math.sin(high), 4), round(front * flat, 4)],
        "softness": float(entry["softness"]),
    }
    draft.tell(section, text, "partly", f"{math.degrees(high):.0f} degrees high: {words['light_note']}")
    return True


def sound(text: Text, section: str, draft: Draft) -> bool:
    """Sound that is or is not made."""
    words = lexicon()["sound"]
    if text.has(*words["none"]):
        draft.output["audio"] = False
        draft.tell(section, text, "done", "no sound")
        return True
    if text.has(*words["cannot"]):
        draft.tell(section, text, "cannot", words["note"])
        return True
    if text.has(*words["made"], *_plurals(words["made"])):
        draft.output["audio"] = True
        text.mark(words["made"])
        draft.tell(section, text, "done", "sound of what is simulated: contacts, liquids and air, placed in stereo")
        return True
    return False


def _plurals(words: list[str]) -> list[str]:
    return [f"{word}s" for word in words]


def quality(text: Text, section: str, draft: Draft) -> bool:
    """Size, rate, length, seed, and praise. Only if the whole clause is about them."""
    words = lexicon()
    rest = text.plain
    notes: list[str] = []
    values: list[tuple[str, float]] = []
    for pattern, kind in (
        (r"seed[\s:=]*(\d+)", "seed"),
        (r"(\d{3,4})p\b", "lines"),
        (r"(\d+(?:\.\d+)?)[\s-]*(?:fps|frames per second|hz)", "fps"),
        (r"(\d+(?:\.\d+)?)[\s-]*(?:seconds|second|secs|sec|s)\b(?: long| duration| clip| video)?", "seconds"),
    ):
        found = re.search(pattern, rest)
        if found:
            rest = rest.replace(found.group(0), " ")
            values.append((kind, float(found.group(1))))
    for name, side in words["sizes_of_picture"].items():
        if re.search(rf"(?<![a-z0-9]){re.escape(name)}(?![a-z0-9])", rest):
            rest = re.sub(rf"(?<![a-z0-9]){re.escape(name)}(?![a-z0-9])", " ", rest, count=1)
            values.append(("side", side))
            break
    for phrase in sorted(words["fluff"], key=len, reverse=True):
        shorter = re.sub(rf"(?<![a-z-]){re.escape(phrase)}(?![a-z-])", " ", rest)
        if shorter != rest:
            rest = shorter
            notes.append(words["fluff_note"])
    style = [phrase for phrase in words["style"] if re.search(rf"(?<![a-z]){re.escape(phrase)}(?![a-z])", rest)]
    left = set(re.findall(r"[a-z]{2,}", rest)) - {"at", "and", "in", "resolution", "duration", "video", "clip", "long"}
    if style:
        draft.tell(section, text, "cannot", words["style_note"])
        return True
    if left or not (notes or values):
        return False
    notes = [*(_quality(kind, value, draft) for kind, value in values), *notes]
    text.used |= set(text.words)
    draft.tell(section, text, "done", "; ".join(dict.fromkeys(notes)))
    return True


def _quality(kind: str, value: float, draft: Draft) -> str:
    wide = draft.size[1] >= draft.size[0]
    if kind == "side":
        draft.output["width" if wide else "height"] = int(value)
        return f"{value:g} pixels on the longer side"
    if kind == "seed":
        draft.top["seed"] = int(value)
        return f"seed {value:g}"
    if kind == "lines":
        draft.output["height" if wide else "width"] = int(value)
        return f"{value:g} pixels on the shorter side"
    if kind == "fps":
        draft.output["fps"] = value
        if value < 24 or value == 25:
            draft.top["fps"] = value
        return f"{value:g} frames per second"
    draft.top["seconds"] = value
    return f"{value:g} s long"
