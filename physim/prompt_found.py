"""What a clause is about: its head noun and verb, and what is said of them: material, number, place, time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from physim.fabrics import FABRICS
from physim.materials import SOLIDS
from physim.prompt_draft import Draft
from physim.prompt_words import Text, lexicon, singular

DEFINITE = {"the", "its", "his", "her", "this", "that", "these", "those", "my", "our", "their"}


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
    nouns = [noun_at(words, i, draft) for i in range(len(words))]
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
    while first > 0 and (first - 1 in heads or modifies(words[first - 1])):
        first -= 1
    definite = first > 0 and words[first - 1] in DEFINITE
    noun = nouns[last]
    said = " ".join(words[last - len(noun.split()) + 1 : last + 1]) if noun else ""
    said_words = [*words[first : last + 1], *words[at : at + 1]]
    text.used |= meaningful(said_words)
    return Found(noun, said, tuple(words[first:last]), definite, verb, base)


def noun_at(words: list[str], i: int, draft: Draft) -> str | None:
    """The noun that ends at word ``i``."""
    lexical = lexicon()
    pair = " ".join(words[max(i - 1, 0) : i + 1])
    for name in (pair, words[i], singular(words[i])):
        if name in draft.select or name in lexical["nouns"] or name in lexical["living"]["beings"]:
            return name
    base = singular(words[i])
    return base if base in lexical["cannot"] and words[i] not in lexical["forms"] else None


def matter_of(noun: str | None) -> str | None:
    words = lexicon()
    if noun in words["living"]["beings"]:
        return "living"
    if noun in words["cannot"]:
        return "cannot"
    return None


def modifies(word: str) -> bool:
    words = lexicon()
    others = {"two", "three", "four", "five", "six", "some", "several", "against"}
    return word not in DEFINITE | others and word not in words["forms"] and word not in words["filler"]


def meaningful(phrase: list[str]) -> set[str]:
    """Words of a noun phrase that change something: nouns, verbs, materials, sizes."""
    words = lexicon()
    known = {*words["nouns"], *words["materials"], *words["sizes"], *SOLIDS, *FABRICS, *words["forms"]}
    return {word for word in phrase if word in known or singular(word) in known}


def material_of(found: Found, entry: dict[str, Any], table: Any) -> str:
    for word in reversed(found.before):
        name = lexicon()["materials"].get(word, word)
        if name in table:
            return str(name)
    return str(entry["material"])


def count_of(text: Text, found: Found) -> int:
    number = text.number(r"(?:^|\s)(\d+) (?:\w+ ){0,3}" + re.escape(found.said))
    if number is None:
        return 3 if text.has("several", "some", "a few") else 1
    return max(1, min(int(number), 20))


def is_in_photo(name: str, found: Found, draft: Draft) -> bool:
    return found.definite or name in draft.select


def region_of(name: str, found: Found, draft: Draft) -> dict[str, Any] | None:
    for key in (name, *found.before, found.said, "water", "sea", "ocean"):
        wet = lexicon()["nouns"].get(name, {}).get("matter") in ("lake", "liquid")
        if key in draft.select and (wet or key in (name, *found.before, found.said)):
            return dict(draft.select[key])
    return None


def target_of(text: Text, draft: Draft, usual: tuple[float, float]) -> tuple[list[float], str]:
    """Where something comes from or goes to: a named place of the photo, else its middle."""
    for name in draft.select:
        place = draft.place_of(name)
        if place is not None and re.search(rf"\b{re.escape(name)}\b", text.plain):
            text.used |= set(name.split())
            return place, f"at the {name}"
    pixel = draft.pixel(*usual)
    return pixel, f"at pixel {pixel[0]:g}, {pixel[1]:g}, since no place of it was given"


def object_of(text: Text, name: str) -> str:
    found = re.search(r"\b(?:on|with|over|onto) the ([a-z]+(?: glass)?)", text.plain)
    return found.group(1) if found else name


def needs(text: Text, section: str, draft: Draft, name: str) -> None:
    draft.tell(section, text, "needs", f"where is the {name} in the photo? Give a pixel of it: --select '{name}=u,v'")


def start_of(text: Text, draft: Draft) -> float:
    given = text.quantity("time", after=r"(?:at|after|from) ")
    return draft.time if given is None else given


def span_of(text: Text, start: float) -> dict[str, float]:
    length = text.quantity("time", after=r"for ")
    return ({"start": start} if start else {}) | ({"end": start + length} if length else {})
