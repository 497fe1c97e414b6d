"""Clauses about what changes in the course of the shot: the sun, gravity, the strength of the wind."""

from __future__ import annotations

from physim.prompt_draft import Draft
from physim.prompt_fields import EARTH, SWITCH
from physim.prompt_found import analysed, start_of
from physim.prompt_words import Text, lexicon


def _length(text: Text) -> float | None:
    """How long a change takes, if it is said [s]."""
    return text.quantity("time", after=r"(?:over|in|within|for|during) (?:the (?:first|next|last) )?")


def sun(text: Text, section: str, draft: Draft) -> bool:
    """A sun that goes down, or comes up, while the video runs."""
    words = lexicon()["sun"]
    verb = text.has(*words["phrases"])
    goal = next((entry for entry in words["goals"] if text.has(*entry["words"])), None)
    if verb is None and (goal is None or text.has(*words["verbs"]) is None):
        return False
    if goal is None:
        goal = words["usual"]
    for other in words["goals"]:
        text.mark(other["words"])
    text.mark([*words["verbs"], *words["before"]])
    if text.has(*words["cannot"]):
        draft.tell(section, text, "cannot", words["cannot_note"])
        return True
    start, length = start_of(text, draft), _length(text)
    draft.sun.append({"start": start, "length": length, "elevation": float(goal["elevation"])})
    told = f"{length:g} s" if length is not None else "the end of the shot"
    draft.tell(section, text, "partly", f"to {goal['elevation']:g} degrees until {told}: {words['note']}")
    return True


def gravity(text: Text, section: str, draft: Draft) -> bool:
    """Another gravity, or one that changes."""
    words = lexicon()["gravity"]
    if not text.has(*words["words"]):
        return False
    entry = next((e for e in words["kinds"] if text.has(*e["words"])), None)
    amount = text.number(r"gravity (?:of |is |= ?|to )*(\d+(?:\.\d+)?) ?m/s")
    if entry is None and amount is None:
        return False
    text.mark(words["words"])
    factor = amount / EARTH if amount is not None else float(entry["factor"])  # type: ignore[index]
    happens = analysed(text, draft)
    start, length = start_of(text, draft), _length(text)
    slow = length is not None or text.has(*words["slowly"]) is not None
    text.mark(words["slowly"])
    if not slow and text.has(*words["suddenly"]):
        length = SWITCH
    if happens.noun is not None and happens.verb is not None:  # it is said beside what happens in it
        draft.gravity.append({"start": start, "length": SWITCH if start else 0.0, "factor": factor})
        return False
    if not slow and start == 0.0 and length is None and not draft.gravity:
        draft.gravity.append({"start": 0.0, "length": 0.0, "factor": factor})
        draft.tell(section, text, "done", f"{factor * EARTH:.3g} m/s^2 instead of {EARTH} m/s^2")
        return True
    length = length if slow or length is not None else SWITCH
    draft.gravity.append({"start": start, "length": length, "factor": factor})
    told = "until the end of the shot" if length is None else f"within {length:g} s"
    draft.tell(section, text, "done", f"to {factor * EARTH:.3g} m/s^2, from {start:g} s on, {told}")
    return True


def swelling(text: Text, draft: Draft) -> str | None:
    """Let the wind that was just set rise or die down, if the clause asks for it; says what it then does."""
    words = lexicon()["wind"]
    rises, falls = text.has(*words["rises"]), text.has(*words["falls"])
    if rises is None and falls is None:
        return None
    blow = draft.forces[-1]["wind"]
    blow.pop("to", None)
    start, length = float(blow.pop("from", 0.0)), _length(text)
    still, full = [0.0, 0.0, 0.0], blow["velocity"]
    if "up" in str(rises) and full[1] > 0:  # it picks up, which is no direction
        full = [full[1], 0.0, 0.0]
    first, last = (still, full) if rises is not None else (full, still)
    keys = [{"at": start, "value": first}, {"at": None if length is None else start + length, "value": last}]
    blow["velocity"] = {"keys": keys, "ease": "in_out"}
    told = "the end of the shot" if length is None else f"{start + length:g} s"
    what = f"rises to {max(full, key=abs):g} m/s" if rises is not None else "dies down"
    return f"{what} from {start:g} s until {told}"
