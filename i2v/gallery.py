"""The gallery: every example is run, held to its own law, and shown on a page that needs no server.

An example is a shot file and a script of the same name, which makes the video, measures what a law of physics says
about it, and fails where the law does not hold. Each runs in a process of its own, so that one that fails stops no
other. What is done is not done again: beside each video lies a fingerprint of the shot, the script and the kind of run.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from physim.progress import Progress
from physim.shot import Shot

VIDEO, POSTER, REPORT, DONE, LOG = "video.mp4", "poster.jpg", "report.json", "done.json", "log.txt"
SWEEP = "sweep"
"""Folder of an example's runs with other values."""
POSTER_SIDE = 960
"""Longer side of the still picture [pixels]."""
QUICK_SIDE = 320
"""Longer side of a quick video [pixels]."""


@dataclass(frozen=True)
class Example:
    """A shot file and the script beside it."""

    name: str
    folder: Path
    title: str
    """The first comment line of the shot file."""
    story: str
    """What the script says about its physics."""
    sweep: str | None
    """``SWEEP`` of the script: a field and a few values of it, as of ``i2v sweep --set``."""

    @property
    def shot_file(self) -> Path:
        """The shot."""
        return self.folder / f"{self.name}.yaml"

    @property
    def script(self) -> Path:
        """The script."""
        return self.folder / f"{self.name}.py"


@dataclass(frozen=True)
class Exhibit:
    """An example that was run."""

    example: Example
    folder: Path
    report: dict[str, Any] | None
    """What the script reported; ``None``: it failed."""
    error: str = ""
    """The last lines of what it said before it failed."""
    fresh: bool = True
    """Whether it was run now, and not before."""


def examples_folder() -> Path:
    """Where the examples lie: in the repository, or in the installed package.

    Raises:
        FileNotFoundError: In neither.
    """
    here = Path(__file__).parent
    for folder in (here.parent / "examples", here / "gallery_examples" / "examples"):
        if (folder / "runner.py").is_file():
            return folder
    raise FileNotFoundError("the examples are not installed; give their folder (--examples DIR).")


def examples(folder: Path | None = None, names: Sequence[str] = ()) -> list[Example]:
    """The examples of a folder that make a video, in the order of their names, or those that are named.

    Raises:
        ValueError: There is no example of a name.
    """
    folder = folder or examples_folder()
    known = {path.stem: path for path in sorted(folder.glob("*.py")) if path.with_suffix(".yaml").is_file()}
    for name in names:
        if name not in known:
            raise ValueError(f"there is no example {name!r}. Those of {folder}: {', '.join(known) or 'none'}.")
    return [_example(known[name]) for name in names or known]


def _example(script: Path) -> Example:
    tree = ast.parse(script.read_text(encoding="utf-8"))
    first = script.with_suffix(".yaml").read_text(encoding="utf-8").partition("\n")[0]
    story = (ast.get_docstring(tree) or "").partition("python -m")[0].strip()
    sweeps = [
        ast.literal_eval(line.value)
        for line in tree.body
        if isinstance(line, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "SWEEP" for t in line.targets)
    ]
    return Example(script.stem, script.parent, first.lstrip("# ").strip(), story, sweeps[0] if sweeps else None)


def gallery(
    output: str | os.PathLike,
    names: Sequence[str] = (),
    *,
    quick: bool = False,
    model: str | None = None,
    workers: int = 2,
    folder: Path | None = None,
    progress: Progress | None = None,
    on_exhibit: Callable[[Exhibit], None] | None = None,
) -> list[Exhibit]:
    """Run the examples and write ``index.html`` with all of them.

    Args:
        output: Folder of the page; each example has one in it.
        names: Some of them; default: all.
        quick: Small videos without a network.
        model: Instead of the shots' ``generate.model``.
        workers: Examples that run at the same time.
        folder: Where the examples lie; default: those that came with the package.
        progress: Called with ('examples', fraction of them that are done or failed); see :mod:`physim.progress`.
        on_exhibit: Called with each of them as it is done or has failed.

    Returns:
        All of them in the order of the page, also those that failed.

    Raises:
        ValueError: No example of a name, no worker.
        OSError: The folder cannot be written.
    """
    from i2v.gallery_page import save_page

    if workers < 1:
        raise ValueError(f"workers is {workers}, expected at least one.")
    chosen, output = examples(folder, names), Path(output)
    output.mkdir(parents=True, exist_ok=True)
    shown: dict[str, Exhibit] = {}
    with (
        ThreadPoolExecutor(workers) as pool,
        _processes() as start,
    ):  # an interrupt ends the processes, then the threads
        jobs = {pool.submit(_shown, example, output / example.name, quick, model, start): example for example in chosen}
        for job in as_completed(jobs):
            found = job.result()
            shown[found.example.name] = found
            if progress is not None:
                progress("examples", len(shown) / len(chosen))
            if on_exhibit is not None:
                on_exhibit(found)
    found_all = [shown[example.name] for example in chosen]
    save_page(found_all, output, quick=quick)
    return found_all


def _shown(example: Example, folder: Path, quick: bool, model: str | None, start: Callable[..., None]) -> Exhibit:
    """Run one example, unless that was done."""
    mark = {"fingerprint": _fingerprint(example, quick, model)}
    if _read(folder / DONE) == mark and (folder / VIDEO).is_file():
        return Exhibit(example, folder, _read(folder / REPORT), fresh=False)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / DONE).unlink(missing_ok=True)
    options = ["--preview", "--side", str(QUICK_SIDE)] if quick else ["--model", model] if model else []
    script = [f"{example.folder.name}.{example.name}", "--output", folder / VIDEO, "--report", folder / REPORT]
    sweep = ["i2v.cli", "sweep", example.shot_file, "--set", example.sweep, "--level", "preview", "-o", folder / SWEEP]
    try:
        start(["-m", *script, *options], example.folder.parent, folder / LOG)
        if example.sweep:
            start(["-m", *sweep, "--workers", "1"], example.folder.parent, folder / LOG)
        _save_poster(folder / VIDEO, folder / POSTER)
        (folder / "shot.yaml").write_bytes(example.shot_file.read_bytes())
        (folder / DONE).write_text(json.dumps(mark), encoding="utf-8")
        return Exhibit(example, folder, _read(folder / REPORT))
    except (subprocess.CalledProcessError, OSError, ValueError):
        said = (folder / LOG).read_text(encoding="utf-8", errors="replace") if (folder / LOG).is_file() else ""
        return Exhibit(example, folder, None, error="\n".join(said.strip().splitlines()[-4:]))


def _fingerprint(example: Example, quick: bool, model: str | None) -> str:
    """Of all that an example is made from; the photo is part of the shot."""
    whole = hashlib.sha256()
    for part in (example.shot_file, example.script, example.folder / "runner.py"):
        whole.update(part.read_bytes())
    whole.update(json.dumps([quick, model, SWEEP if example.sweep else ""]).encode())
    return whole.hexdigest()


@contextmanager
def _processes() -> Iterator[Callable[..., None]]:
    """A way to run Python processes that all end when this does, also by an interrupt."""
    running: set[subprocess.Popen] = set()
    lock, closed = threading.Lock(), threading.Event()

    def start(arguments: Sequence[Any], home: Path, log: Path) -> None:
        environment = dict(os.environ)
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(home), environment.get("PYTHONPATH", "")]))
        command = [sys.executable, *map(str, arguments)]
        with log.open("ab") as said:
            with lock:
                if closed.is_set():
                    raise OSError("the gallery was interrupted.")
                process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, env=environment)
                running.add(process)
            code = process.wait()
            with lock:
                running.discard(process)
        if code:
            raise subprocess.CalledProcessError(code, command)

    try:
        yield start
    finally:
        with lock:
            closed.set()
            for process in running:
                process.terminate()


def _save_poster(video: Path, poster: Path) -> None:
    """A frame from two thirds of the way, where most has happened."""
    from PIL import Image

    from i2v.metrics.video_in import read_video

    frames = read_video(video).frames
    picture = Image.fromarray(frames[2 * len(frames) // 3])
    picture.thumbnail((POSTER_SIDE, POSTER_SIDE))
    picture.save(poster, quality=88)


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def kinds(shot: Shot) -> list[str]:
    """What a shot shows, in words for a filter: rigid, cloth, liquid, smoke, camera, sound, 4K."""
    data = shot.to_dict()
    found = [kind for kind in ("rigid", "cloth", "liquid", "smoke") if any(t.get(kind) for t in data["things"])]
    output = data["output"]
    wide = max(output["width"] or 0, output["height"] or 0) >= 3840
    more = {"camera": data["camera"], "sound": output["audio"], "4K": wide}
    return found + [kind for kind, there in more.items() if there]
