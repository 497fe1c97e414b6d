"""Refinement ledger: what a person changed from run to run of a shot, kept so that authorship can be shown.

One JSON file beside the video. Each run appends an entry: when, which fields differ from the run before and how, hashes
of the photo and every other file the shot names, model, seed, versions. An entry holds the hash of the one before it,
so an entry cannot be altered or taken out unnoticed while a later one, or a signed video that names its head, is kept.
"""

from __future__ import annotations

import datetime
import hashlib
import html
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

FORMAT = "physim-ledger-1"
MAX_BYTES = 64_000_000
START = "0" * 64
"""What the first entry names as the one before it."""


class LedgerError(ValueError):
    """A ledger that cannot be read or continued: which, why, what to do."""


def read(path: str | os.PathLike) -> list[dict[str, Any]]:
    """The entries, oldest first, their chain checked; an absent file has none.

    Raises:
        LedgerError: No ledger, or one whose entries were changed.
    """
    path = Path(path)
    if not path.exists():
        return []
    advice = "Move it away to begin a new one; what it holds is not overwritten."
    try:
        if path.stat().st_size > MAX_BYTES:
            raise LedgerError(f"{path} has {path.stat().st_size} bytes, expected a ledger of at most {MAX_BYTES}.")
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LedgerError(f"the ledger {path} may not be read: {error.strerror}. {advice}") from None
    except (ValueError, RecursionError):
        raise LedgerError(f"{path} is no ledger: it is not JSON. {advice}") from None
    entries = data.get("entries") if isinstance(data, dict) else None
    if not isinstance(data, dict) or data.get("format") != FORMAT or not isinstance(entries, list):
        raise LedgerError(f"{path} is no ledger, expected format {FORMAT!r}. {advice}")
    before = START
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, dict) or entry.get("previous") != before or entry.get("hash") != _hash(entry):
            raise LedgerError(
                f"{path}: entry {number} of {len(entries)} was changed or one before it is gone. {advice}"
            )
        before = entry["hash"]
    return entries


def entry(
    entries: list[dict[str, Any]],
    shot: Mapping[str, Any],
    *,
    versions: Mapping[str, str],
    folder: str | os.PathLike = ".",
    also: Mapping[str, str | os.PathLike] | None = None,
    now: datetime.datetime | None = None,
) -> dict[str, Any]:
    """The entry of one more run; not yet written.

    Args:
        entries: Those before it.
        shot: All fields of the shot, plain data (``shot.to_dict()``).
        versions: Package → version.
        folder: Where relative paths in the shot begin.
        also: Field → file, of what the shot does not name by its path.
        now: Instead of the clock.
    """
    flat = dict(flatten(shot))
    before = entries[-1]["fields"] if entries else {}
    files = _files(flat, Path(folder)) | {name: file_hash(path) for name, path in (also or {}).items()}
    old_files = entries[-1]["files"] if entries else {}
    changes = [
        {"field": name, "before": before.get(name), "after": flat.get(name)}
        for name in sorted(before.keys() | flat.keys())
        if entries and before.get(name) != flat.get(name)
    ]
    changes += [
        {"field": f"content of {name}", "before": old_files.get(name), "after": files.get(name)}
        for name in sorted(old_files.keys() & files.keys())
        if old_files[name] != files[name]
    ]
    made = {
        "run": len(entries) + 1,
        "at": (now or datetime.datetime.now(datetime.UTC)).isoformat(timespec="seconds"),
        "changes": changes,
        "model": flat.get("generate.model"),
        "seed": flat.get("seed"),
        "fields": flat,
        "files": files,
        "versions": dict(versions),
        "previous": entries[-1]["hash"] if entries else START,
    }
    return made | {"hash": _hash(made)}


def append(path: str | os.PathLike, new: dict[str, Any]) -> Path:
    """Write the ledger with one more entry, atomically.

    Raises:
        LedgerError: The file cannot be read, or another run has appended meanwhile.
    """
    path = Path(path)
    entries = read(path)
    if new["previous"] != (entries[-1]["hash"] if entries else START):
        raise LedgerError(f"{path}: another run was recorded meanwhile, so this one does not follow its last entry.")
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(
            json.dumps({"format": FORMAT, "entries": [*entries, new]}, indent=1, ensure_ascii=False) + "\n",
            encoding="utf-8",
        )
        os.replace(part, path)
    except OSError as error:
        raise LedgerError(f"the ledger {path} could not be written: {error.strerror}.") from None
    finally:
        part.unlink(missing_ok=True)
    return path


def head(new: Mapping[str, Any]) -> dict[str, Any]:
    """What a signed video says about its ledger: enough to know the entry again, and what was changed last."""
    changes = [change["field"] for change in new["changes"]]
    return {"run": new["run"], "hash": new["hash"], "changed": changes[:50], "changes": len(changes)}


def page(entries: list[dict[str, Any]], title: str = "Refinement ledger") -> str:
    """A page to read or print: one table per run. Everything foreign in it is escaped."""
    parts = [
        f"<!doctype html><meta charset=utf-8><title>{html.escape(title)}</title>",
        "<style>body{font:15px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#222}"
        "table{border-collapse:collapse;width:100%}td,th{border-top:1px solid #ccc;padding:.3em .6em;text-align:left;"
        "vertical-align:top;overflow-wrap:anywhere}code{font-size:85%}</style>",
        f"<h1>{html.escape(title)}</h1>",
    ]
    for item in entries:
        parts.append(f"<h2>Run {_text(item.get('run'))}</h2><p>{_text(item.get('at'))}; model "
                     f"{_text(item.get('model'))}, seed {_text(item.get('seed'))}<br><code>{_text(item.get('hash'))}"
                     "</code></p>")  # fmt: skip
        rows = [
            f"<tr><td>{_text(c.get('field'))}<td>{_text(c.get('before'))}<td>{_text(c.get('after'))}"
            for c in item.get("changes", [])
        ]
        if rows:
            parts.append("<table><tr><th>changed<th>from<th>to" + "".join(rows) + "</table>")
        else:
            parts.append(f"<p>{'The first run.' if item.get('run') == 1 else 'Nothing was changed.'}</p>")
    return "\n".join(parts) + "\n"


def flatten(data: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """``{"a": [{"b": 1}]}`` → ``("a[0].b", 1)``; entries with a name go by it: ``things[cup].rigid``.

    Lists of numbers (vectors, outlines) stay whole.
    """
    if isinstance(data, Mapping):
        for key, value in data.items():
            yield from flatten(value, f"{name}.{key}" if name else str(key))
    elif isinstance(data, list) and any(isinstance(item, Mapping) for item in data):
        for i, item in enumerate(data):
            label = item.get("name", i) if isinstance(item, Mapping) else i
            yield from flatten(item, f"{name}[{label}]")
    elif data is not None:
        yield name, data


def file_hash(path: str | os.PathLike) -> str:
    """SHA-256 of a file, hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files(flat: Mapping[str, Any], folder: Path) -> dict[str, str]:
    """Field → hash, for every field that names a file that is there; keys and certificates are not touched."""
    secret = ("output.credentials", "output.watermark")
    found = {}
    for name, value in flat.items():
        if not isinstance(value, str) or len(value) > 4000 or "\0" in value or name.startswith(secret):
            continue
        if (folder / value).is_file():
            found[name] = file_hash(folder / value)
    return found


def _hash(item: Mapping[str, Any]) -> str:
    kept = {key: value for key, value in item.items() if key != "hash"}
    return hashlib.sha256(json.dumps(kept, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _text(value: Any) -> str:
    return html.escape("" if value is None else str(value))
