"""Prompts: the four-part professional form, or plain words, become a shot, and every clause says what became of it.

``Reference: [Photo]. Camera: dolly in 30 cm. Action: a glass marble falls. Lighting: soft. Audio: clink. 4K, 60fps``.
By grammar and lexicon (``prompt_lexicon.yaml``), in milliseconds and without a network. What is understood is set with
its units; what cannot be simulated is said and not faked; what is not understood is named. Whoever has a language model
gives it as ``interpret`` and is asked only for the clauses that were not understood.
"""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from physim.photo import picture_size
from physim.prompt_action import action, wind
from physim.prompt_camera import camera, light, quality, sound
from physim.prompt_draft import Clause, Draft
from physim.prompt_found import analysed
from physim.prompt_timeline import gravity, sun
from physim.prompt_words import Text, lexicon
from physim.shot import Shot
from physim.shot_errors import explain
from physim.shot_file import Problem, ShotError, field_name, validate

MAX_PROMPT = 20_000
"""Longest prompt [characters]."""
Interpreter = Callable[[str, dict[str, Any]], dict[str, Any] | None]
"""Takes a clause and the shot so far, plain data; returns the shot with the clause in it, or ``None``."""
SECTIONS = {
    "reference": "reference|image|photo|first frame",
    "camera": "camera(?: movement| motion| move)?|motion vector|camera and motion",
    "action": "action|physical action|subject|subject motion|motion|scene|event|events",
    "lighting": "lighting|light|temporal detail|temporal details|atmosphere|mood",
    "physics": "physics|physical properties|materials?|forces",
    "audio": "audio|sound|sfx|sound effects|foley|music",
    "settings": "style|settings|duration|quality|output|format|length|resolution",
}
FRICTION = {"high friction": 0.9, "rough": 0.8, "low friction": 0.08, "slippery": 0.05, "frictionless": 0.0}
_HEAD = "|".join(SECTIONS.values())
_HEADER = re.compile(rf"(?i)(?<![a-z])({_HEAD})(?:\s*[/&,]\s*(?:{_HEAD}))*\s*:")
_STAMP = re.compile(r"\[(\d{1,2}):(\d{2}(?:\.\d+)?)(?:\s*[-–]\s*\d{1,2}:\d{2}(?:\.\d+)?)?\]")
_UNITS = r"cm|mm|m|metres?|meters?|inch(?:es)?|feet|foot|degrees?|deg|°|s|seconds?|m/s|x"
_QUANTITY = re.compile(rf"[\d.]+[\s-]*(?:{_UNITS})(?: (?:wide|tall|high|long|in diameter))?$")


@dataclass(frozen=True)
class Prompt:
    """A prompt that was read."""

    text: str
    """As it was given."""
    shot: Shot
    """What it became."""
    clauses: list[Clause]
    """In order; what became of each."""

    def echo(self) -> str:
        """One line per clause."""
        return "\n".join(str(clause) for clause in self.clauses)


def read_prompt(
    text: str,
    photo: str | os.PathLike,
    *,
    select: Mapping[str, Any] | None = None,
    interpret: Interpreter | None = None,
) -> Prompt:
    """A shot from words.

    Args:
        text: The prompt, English.
        photo: The picture file that it is about.
        select: Names of things in the photo → a pixel (u, v), or a region as in ``things[].select``.
        interpret: A language model's say on what the grammar does not understand, see ``Interpreter``. What it returns
            is checked as a shot file is; what fails is not used and the clause says so.

    Raises:
        ValueError: An empty or far too long prompt, or a place outside the photo.
        physim.photo.PhotoError: A photo that cannot be used.
    """
    if not text.strip():
        raise ValueError("the prompt is empty, expected what is to happen, for example 'Action: a ball falls'.")
    if len(text) > MAX_PROMPT:
        raise ValueError(f"the prompt has {len(text)} characters, expected at most {MAX_PROMPT}.")
    draft = Draft(picture_size(photo), {name.lower(): _place(name, place) for name, place in (select or {}).items()})
    for section, body in sections(text):
        draft.time = 0.0
        for part, time, then in clauses(body, section, draft):
            draft.time = time
            _read(Text(part), section, draft, then)
    data = draft.data(Path(os.fspath(photo)))
    return _asked(Prompt(text, _shot(data), draft.clauses), interpret)


def sections(text: str) -> Iterator[tuple[str, str]]:
    """Name and body of each part; what stands before the first header is 'free'."""
    heads = list(_HEADER.finditer(text))
    first = text[: heads[0].start()] if heads else text
    if first.strip(" .\n"):
        yield "free", first
    for i, head in enumerate(heads):
        name = next(n for n, words in SECTIONS.items() if re.fullmatch(words, head.group(1).lower()))
        body = text[head.end() : heads[i + 1].start() if i + 1 < len(heads) else len(text)]
        if body.strip(" .\n"):
            yield name, body


def clauses(body: str, section: str, draft: Draft) -> Iterator[tuple[str, float, bool]]:
    """Each clause, the time of the timestamp before it [s], and whether it comes after the one before ("then")."""
    pieces = _STAMP.split(body)
    times = [0.0] + [60 * float(m) + float(s) for m, s in zip(pieces[1::3], pieces[2::3], strict=True)]
    for piece, time in zip(pieces[::3], times, strict=True):
        for sentence in re.split(r"(?<!\d)[.;!\n]+|[.;!\n]+(?!\d)", piece):
            for part, then in _parts(sentence, section, draft):
                yield part, time, then


def _parts(sentence: str, section: str, draft: Draft) -> Iterator[tuple[str, bool]]:
    """Of a sentence: at commas, "then", "while", and at "and" between two clauses with verbs of their own."""
    waiting: list[tuple[str, bool]] = []
    for piece in re.split(r",(?!\d)|(?i:\s+(?=then\b)|\bwhile\b|\bas (?=the\b|a\b|an\b))", sentence):
        piece = piece.strip(" ,.")
        then = bool(re.match(r"(?i)(?:and )?then\b", piece))
        piece = re.sub(r"(?i)^(?:and )?then\b|^and\b", "", piece).strip(" ,")
        if not piece:
            continue
        if waiting and (_QUANTITY.fullmatch(piece.lower()) or _goes_on(waiting[-1][0], piece, section, draft)):
            waiting[-1] = (f"{waiting[-1][0]}, {piece}", waiting[-1][1])
        else:
            waiting += [(part, then and i == 0) for i, part in enumerate(_at_and(piece, section, draft))]
    yield from waiting


def _goes_on(before: str, piece: str, section: str, draft: Draft) -> bool:
    """Whether the piece is the verb that a noun before the comma waits for."""
    found = analysed(Text(before), draft)
    words = Text(piece).words
    starts = bool(words) and words[0] in lexicon()["forms"]
    return section in ("action", "free", "physics") and found.noun is not None and found.verb is None and starts


def _at_and(piece: str, section: str, draft: Draft) -> list[str]:
    if section not in ("action", "free", "camera"):
        return [piece]
    for match in re.finditer(r"\s+and\s+", piece):
        left, right = piece[: match.start()], piece[match.end() :]
        if _clause_like(left, section, draft, noun=True) and _clause_like(right, section, draft, noun=False):
            return [left, *_at_and(right, section, draft)]
    return [piece]


def _clause_like(part: str, section: str, draft: Draft, *, noun: bool) -> bool:
    text = Text(part)
    if section == "camera" or text.has("camera", *lexicon()["strong_camera"]):
        return any(text.has(*entry["words"]) for entry in lexicon()["camera"])
    found = analysed(text, draft)
    return found.verb is not None and (found.noun is not None or not noun)


def _read(text: Text, section: str, draft: Draft, then: bool) -> None:
    """One clause, by the first handler that knows it."""
    if section == "reference":
        draft.tell(section, text, "done", "the photo")
        return
    if quality(text, section, draft):
        return
    about_camera = section == "camera" or (text.has("camera") and not _towards_camera(text))
    if not about_camera and section in ("free", "lighting", "settings", "action"):
        start = " ".join(text.words[:4])
        strong = "|".join(re.escape(word) for word in lexicon()["strong_camera"])
        about_camera = re.match(rf"(?:slow |a slow |slowly )?(?:{strong})\b", start) is not None
    handlers: dict[str, tuple[Callable[[Text, str, Draft], bool], ...]] = {
        "camera": (light, action),
        "lighting": (sun, light, wind, gravity, action, physics),
        "physics": (gravity, physics, wind, action, sun, light),
        "audio": (sound,),
    }
    if about_camera and camera(text, section, draft, then=then):
        return
    for handler in handlers.get(section, (sun, gravity, wind, action, physics, light, sound)):
        if handler(text, section, draft):
            return
    draft.tell(section, text, "ignored", "not understood")


def _towards_camera(text: Text) -> bool:
    return re.search(r"\b(?:to|at|into|towards?|from|facing) (?:the )?camera", text.plain) is not None


def physics(text: Text, section: str, draft: Draft) -> bool:
    """Values for rigid things, and what is simulated anyway."""
    words = lexicon()
    if text.has(*words["physics_cannot"]):
        draft.tell(section, text, "cannot", words["physics_cannot_note"])
        return True
    values: dict[str, float] = {}
    number = r"(?:coefficient )?(?:of |is |= ?|: ?)*(\d+(?:\.\d+)?)"
    for name, pattern in (("restitution", rf"restitution {number}"), ("friction", rf"(?<!static )friction {number}")):
        value = text.number(pattern)
        if value is not None:
            values[name] = value
    if text.has("no bounce", "does not bounce", "inelastic"):
        values["restitution"] = 0.0
    elif "restitution" not in values and text.has("bouncy", "elastic"):
        values["restitution"] = 0.85
    for phrase, value in FRICTION.items():
        if "friction" not in values and text.has(phrase):
            values["friction"] = value
    mass = text.quantity("mass")
    if mass is not None and text.has("mass", "weigh", "weighs", "weighing", "weight", "heavy"):
        values["mass"] = mass
    density = text.number(rf"density {number}")
    if density is not None:
        values["density"] = density
    if values:
        noun = analysed(text, draft).noun or ""
        draft.rigid.setdefault(noun, {}).update(values)
        told = ", ".join(f"{name} {value:g}" for name, value in values.items())
        draft.tell(section, text, "done", f"{told}, of {noun or 'all rigid things'}")
        return True
    if text.has(*words["physics_plain"]):
        text.mark([*words["physics_plain"], *words["fluff"]])
        draft.tell(section, text, "done", "simulated anyway")
        return True
    return False


def _shot(data: dict[str, Any]) -> Shot:
    """Checked as a shot file is: every value that cannot be, at once."""
    try:
        return validate(Shot.model_validate(data), "prompt")
    except ValidationError as error:
        found = explain(error)
        raise ShotError([Problem("prompt", 0, field_name(one.route), one.text) for one in found]) from None


def _asked(prompt: Prompt, interpret: Interpreter | None) -> Prompt:
    """What a language model makes of the clauses that were not understood."""
    if interpret is None:
        return prompt
    shot, told = prompt.shot, []
    for clause in prompt.clauses:
        if clause.status != "ignored":
            told.append(clause)
            continue
        try:
            data = interpret(clause.text, copy.deepcopy(shot.to_dict()))
            if data is not None:
                shot = _shot(data)
                clause = replace(clause, status="done", note="by the language model that was given")
        except (ShotError, ValueError, TypeError) as error:
            reason = str(error).splitlines()[0]
            clause = replace(clause, note=f"not understood; what the language model made of it is no shot: {reason}")
        told.append(clause)
    return Prompt(prompt.text, shot, told)


def _place(name: str, place: Any) -> dict[str, Any]:
    """A pixel becomes a click; a region stays one."""
    if isinstance(place, Mapping):
        return dict(place)
    if isinstance(place, str | os.PathLike):
        return {"mask": Path(place)}
    try:
        u, v = (float(value) for value in place)
    except (TypeError, ValueError):
        raise ValueError(f"select {name!r} is {place!r}, expected a pixel (u, v), a mask file or a region.") from None
    return {"click": [u, v]}
