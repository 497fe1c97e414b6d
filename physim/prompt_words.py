"""Words of a prompt: the lexicon, numbers with units, base forms, directions. No grammar here."""

from __future__ import annotations

import functools
import math
import re
from importlib.resources import files
from typing import Any

import yaml

UNITS = {
    "length": {"m": 1.0, "metre": 1.0, "metres": 1.0, "meter": 1.0, "meters": 1.0, "cm": 0.01, "centimetre": 0.01,
               "centimetres": 0.01, "centimeters": 0.01, "mm": 0.001, "km": 1000.0, "inch": 0.0254, "inches": 0.0254,
               "foot": 0.3048, "feet": 0.3048, "ft": 0.3048},
    "angle": {"degrees": 1.0, "degree": 1.0, "deg": 1.0, "°": 1.0, "radians": math.degrees(1.0), "turns": 360.0},
    "time": {"s": 1.0, "sec": 1.0, "secs": 1.0, "second": 1.0, "seconds": 1.0, "ms": 0.001, "minute": 60.0,
             "minutes": 60.0},
    "speed": {"m/s": 1.0, "cm/s": 0.01, "km/h": 1 / 3.6, "kph": 1 / 3.6, "kmh": 1 / 3.6, "mph": 0.44704,
              "ft/s": 0.3048},
    "mass": {"kg": 1.0, "kilograms": 1.0, "kilogram": 1.0, "g": 0.001, "grams": 0.001, "gram": 0.001, "lb": 0.45359237},
    "factor": {"x": 1.0, "×": 1.0, "times": 1.0},
    "rate": {"fps": 1.0, "hz": 1.0, "frames per second": 1.0},
}  # fmt: skip
_WORD_UNITS = {unit: (kind, scale) for kind, table in UNITS.items() for unit, scale in table.items()}


@functools.cache
def lexicon() -> dict[str, Any]:
    """``prompt_lexicon.yaml``, with the forms of its verbs worked out (``forms``: form → (class, base))."""
    words = yaml.safe_load(files("physim").joinpath("prompt_lexicon.yaml").read_text(encoding="utf-8"))
    verbs = {base: kind for kind, bases in words["verbs"].items() for base in bases}
    verbs |= {base: "cannot" for base in words["cannot"]} | {base: "living" for base in words["living"]["verbs"]}
    forms: dict[str, tuple[str, str]] = {}
    for base, kind in verbs.items():
        for form in (base, *inflected(base)):
            forms.setdefault(form, (kind, base))
    for form, base in words["irregular"].items():
        if base in verbs:
            forms[form] = (verbs[base], base)
    words["forms"] = forms
    return words


def inflected(base: str) -> tuple[str, ...]:
    """Forms of a regular English verb."""
    stem = base[:-1] if base.endswith("e") else base
    short = re.fullmatch(r"[^aeiou]*[aeiou][bdgklmnprt]", base)
    double = base + base[-1] if short else stem
    third = base + ("es" if base.endswith(("s", "sh", "ch", "x", "z")) else "s")
    if base.endswith("y") and base[-2] not in "aeiou":
        return base[:-1] + "ies", base[:-1] + "ied", base + "ing"
    return third, double + "ed", double + "ing"


def singular(word: str) -> str:
    """Base form of a noun, as far as the lexicon needs it."""
    words = lexicon()
    if word in words["irregular"]:
        return words["irregular"][word]
    for ending, new in (("ies", "y"), ("es", ""), ("s", "")):
        stem = word.removesuffix(ending) + new
        known = stem in words["nouns"] or stem in words["living"]["beings"] or stem in words["cannot"]
        if word.endswith(ending) and known:
            return stem
    return word


class Text:
    """One clause, lower case, and which of its words were understood."""

    def __init__(self, text: str) -> None:
        self.raw = text.strip()
        plain = self.raw.lower().replace("’", "'").replace("-degree", " degree")
        plain = re.sub(r"\bhalf (?:of )?an? ", "0.5 ", plain)
        for word, value in sorted(lexicon()["numbers"].items(), key=lambda item: -len(item[0])):
            plain = re.sub(rf"\b{word}\b(?=[\s-]+[a-z])", f"{value:g}", plain)
        self.plain = re.sub(r"\s+", " ", plain)
        self.words = re.findall(r"[a-z][a-z'-]*", self.plain)
        self.used: set[str] = set()

    def has(self, *phrases: str) -> str | None:
        """The first of the phrases that is in the clause, as whole words; it counts as understood."""
        for phrase in phrases:
            if re.search(rf"(?<![a-z-]){re.escape(phrase)}(?![a-z])", self.plain):
                self.used |= set(re.findall(r"[a-z][a-z'-]*", phrase))
                return phrase
        return None

    def mark(self, phrases: list[str]) -> None:
        """All of the phrases that are in the clause count as understood."""
        for phrase in phrases:
            self.has(phrase)

    def quantity(self, kind: str, after: str = "", before: str = "") -> float | None:
        """The first number of a kind [SI, degrees], if given between patterns ``after`` and ``before``."""
        units = "|".join(sorted((re.escape(unit) for unit in UNITS[kind]), key=len, reverse=True))
        end = "" if kind == "angle" else r"(?![a-z/])"
        found = re.search(rf"{after}(-?\d+(?:\.\d+)?)[\s-]*({units}){end}{before}", self.plain)
        if not found:
            return None
        self.used |= set(re.findall(r"[a-z]+", found.group(0)))
        return float(found.group(1)) * UNITS[kind][found.group(2)]

    def number(self, pattern: str) -> float | None:
        """The number in the first group of a pattern."""
        found = re.search(pattern, self.plain)
        if not found:
            return None
        self.used |= set(re.findall(r"[a-z]+", found.group(0)))
        return float(found.group(1))

    def unused(self) -> list[str]:
        """Words that nothing was made of, without articles and the like."""
        units = {unit for table in UNITS.values() for unit in table}
        known = self.used | set(lexicon()["filler"]) | units
        return [word for word in dict.fromkeys(self.words) if word not in known]

    def direction(self) -> tuple[float, float, float] | None:
        """Unit vector of a motion in the world: right is +x, up +y, towards the camera +z."""
        table = {
            r"from (?:the )?left": (1, 0, 0), r"from (?:the )?right": (-1, 0, 0),
            r"from (?:above|the top)": (0, -1, 0), r"from behind": (0, 0, 1),
            r"to(?:wards?)? (?:the |its )?left|leftwards?": (-1, 0, 0),
            r"to(?:wards?)? (?:the |its )?right|rightwards?": (1, 0, 0),
            r"towards? (?:the )?(?:camera|viewer|us)": (0, 0, 1), r"away|into the distance": (0, 0, -1),
            r"upwards?|\bup\b": (0, 1, 0), r"downwards?": (0, -1, 0),
        }  # fmt: skip
        for pattern, vector in table.items():
            found = re.search(rf"\b(?:{pattern})\b", self.plain)
            if found:
                self.used |= set(found.group(0).split())
                return (float(vector[0]), float(vector[1]), float(vector[2]))
        return None
