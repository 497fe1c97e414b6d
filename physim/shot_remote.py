"""Shot files in storage that has a URL: brought here with the files they name."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from physim.shot import Shot
from physim.shot_file import load
from physim.shot_text import TextError, parse
from physim.store import Folder


def is_url(place: Any) -> bool:
    """Whether something is the URL of a storage and no path."""
    return isinstance(place, str | os.PathLike) and "://" in os.fspath(place)


def read(place: str | os.PathLike) -> Shot:
    """The shot of a file or a URL, for looking at its fields: files of a URL are gone when this returns.

    Raises:
        As :func:`brought`.
    """
    if not is_url(place):
        return load(place)
    with brought(os.fspath(place)) as shot:
        return shot


@contextmanager
def brought(url: str) -> Iterator[Shot]:
    """The shot of a shot file in storage, within; its files are on this machine until the end.

    Files that it names by a relative path lie beside it in the storage.

    Raises:
        FileNotFoundError: There is no such file.
        physim.shot_file.ShotError: As :func:`physim.shot_file.load`.
    """
    with tempfile.TemporaryDirectory(prefix="physim-shot-") as folder:
        yield load(fetched(url, Path(folder)))


def fetched(url: str, folder: Path) -> Path:
    """Lay a shot file of a storage, and the files that it names, into a folder of this machine; where it is there.

    Raises:
        FileNotFoundError: There is no such file.
    """
    place, _, name = url.rpartition("/")
    store, here = Folder.of(place), Folder.of(folder)
    data = store.read(name)
    if data is None:
        raise FileNotFoundError(f"{url}: there is no such file.")
    here.write(name, data)
    for other, content in store.read_many(sorted(_names(data, Path(name).suffix.lower()))).items():
        here.write(other, content)
    return folder / name


def _names(data: bytes, suffix: str) -> set[str]:
    """All texts of a shot file that could be paths of files beside it."""
    try:
        plain, _, _ = parse(data.decode("utf-8-sig"), suffix)
    except (TextError, UnicodeDecodeError):  # load says what is wrong
        return set()
    found, todo = set(), [plain]
    while todo:
        value = todo.pop()
        if isinstance(value, dict | list):
            todo += value.values() if isinstance(value, dict) else value
        elif isinstance(value, str) and len(value) < 500 and "\n" not in value:
            path = PurePosixPath(value)
            if path.suffix and ":" not in value and not path.is_absolute() and ".." not in path.parts:
                found.add(value)
    return found
