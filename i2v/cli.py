"""Command line: ``i2v animate``, ``preview``, ``simulate``, ``judge``, ``verify``, ``cert``, ``ledger``, ``sweep``,
``fit``, ``gallery``, ``train``, ``doctor``, ``cache``.

Results go to stdout, progress to stderr. Exit code 0: done; 1: the doctor found something missing; 2: something given
is wrong, said in one block without a traceback (``--traceback`` shows it); 130: interrupted, nothing left behind.
Heavy libraries are loaded by the command that needs them, so ``--help`` answers at once.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from i2v import cli_extend, cli_fit, cli_gallery, cli_judge, cli_provenance, cli_simulate, cli_sweep, cli_train
from i2v.cli_prompt import add_options, place, shot_of
from i2v.terminal import print_summary, show_progress

if TYPE_CHECKING:
    from i2v.animate import RunSummary


def main(argv: list[str] | None = None) -> int:
    """Run ``i2v`` with ``argv``; returns the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        with _terminated_like_interrupted():
            return arguments.run(arguments)
    except KeyboardInterrupt:
        print("interrupted; nothing was left behind", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read stdout has gone
        sys.stdout = open(os.devnull, "w")
        return 141
    except (ValueError, OSError, NotImplementedError, FloatingPointError, MemoryError, ImportError) as error:
        if arguments.traceback:
            raise
        print(f"error: {str(error) or type(error).__name__}", file=sys.stderr)
        if type(error) is ValueError:  # not one of the errors that name a file and a field
            print("(--traceback shows where it arose)", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="i2v", description="One photo in, a physically true video out.")
    parser.add_argument("--version", action="version", version=f"i2v {_version()}")
    commands = parser.add_subparsers(required=True, metavar="command")

    animate = commands.add_parser("animate", help="make the video of a shot file")
    animate.add_argument("--model", help="instead of the shot's: bundled, none (the plain composite), ...")
    animate.add_argument("--seed", type=int, help="instead of the shot's")
    animate.add_argument("--seconds", type=float, help="length of the video, instead of the shot's")
    animate.add_argument(
        "--audio", action=argparse.BooleanOptionalAction, help="with or without sound, instead of what the shot says"
    )
    animate.add_argument("--preset", help="instead of the shot's: web, hevc10, av1, prores, hdr10, png or exr")
    animate.add_argument("--report", type=Path, metavar="FILE", help="write what was done to this JSON file")
    animate.add_argument(
        "--judge", type=Path, metavar="FILE", help="judge the finished video; plots to this .png or .html"
    )
    animate.add_argument("--segments", type=int, metavar="N", help="make the frames in N parts, side by side")
    animate.add_argument("--workers", type=int, help="processes for segments (default: one per core)")
    animate.add_argument("--executor", help="who makes segments: local (default), ray, ray://HOST:PORT or slurm")
    animate.add_argument("--store", metavar="PLACE", help="folder or URL for segments until the video is complete")
    animate.set_defaults(run=_animate)

    preview = commands.add_parser(
        "preview", help="make a small video without the network, or a page that shows the scene from all sides"
    )
    preview.add_argument("--size", type=int, default=480, help="longer side in pixels (default: 480)")
    preview.add_argument(
        "--open", action="store_true", help="open it; without --output it is the page (.html), which needs no server"
    )
    preview.set_defaults(run=_preview)

    for command in (animate, preview):
        add_options(command)
        command.add_argument(
            "-o",
            "--output",
            type=place,
            help="the video; an existing one is replaced when the new one is complete "
            "(default: the shot's name with .mp4, in this folder)",
        )
        command.add_argument(
            "--depth",
            metavar="WHAT",
            help="where distance comes from, instead of the shot's: geometric, depth-anything, moge, or a depth file",
        )
        command.add_argument("--weights", type=Path, metavar="FILE", help="of the depth network: .safetensors")
        command.add_argument(
            "--depth-kind", metavar="KIND", help="what a depth file holds: metric, scale, affine, disparity, relative"
        )
        command.add_argument("--quiet", action="store_true", help="no progress")

    doctor = commands.add_parser("doctor", help="say what this machine has and what will fit")
    doctor.add_argument("--json", action="store_true", help="as JSON")
    doctor.set_defaults(run=_doctor)

    cache = commands.add_parser("cache", help="compile all kernels ahead of their first use, find or remove them")
    cache.add_argument("what", choices=("warm", "where", "clear"), help="compile them; print their folder; remove them")
    cache.add_argument("--device", help="device to compile for, such as cpu or cuda:0 (default: the best there is)")
    cache.add_argument("--quiet", action="store_true", help="no progress")
    cache.set_defaults(run=_cache)
    parts = (cli_simulate, cli_judge, cli_sweep, cli_fit, cli_gallery, cli_extend, cli_provenance, cli_train)
    more = [command for part in parts for command in part.add_commands(commands)]
    for command in (animate, preview, doctor, cache, *more):
        command.add_argument("--traceback", action="store_true", help="show where in the program an error arose")
    return parser


def _animate(arguments: argparse.Namespace) -> int:
    from i2v.animate import animate

    shot, name = shot_of(arguments)
    if shot is None:
        return 0
    with show_progress(arguments.quiet) as progress:
        summary = cast(
            "RunSummary",  # and no Clip, because it has an output
            animate(
                shot,
                arguments.output or Path(f"{name}.mp4"),
                model=arguments.model,
                seed=arguments.seed,
                seconds=arguments.seconds,
                **_depth(arguments),
                audio=arguments.audio,
                preset=arguments.preset,
                progress=progress,
                report=arguments.report,
                judge=arguments.judge,
                segments=arguments.segments,
                workers=arguments.workers,
                executor=arguments.executor,
                store=arguments.store,
            ),
        )
    if summary.judged is not None and not arguments.quiet:
        print(summary.judged.table(), file=sys.stderr)
    return _done(summary, arguments.quiet)


def _preview(arguments: argparse.Namespace) -> int:
    """A video or a page, by the name of the output."""
    from i2v.animate import preview, preview_page

    shot, name = shot_of(arguments)
    if shot is None:
        return 0
    kind = "html" if arguments.open else "mp4"
    output = arguments.output or Path(f"{name}.preview.{kind}")
    with show_progress(arguments.quiet) as progress:
        if Path(output).suffix.lower() == ".html":
            page = preview_page(shot, output, progress=progress, **_depth(arguments))
        else:
            summary = preview(shot, output, size=arguments.size, progress=progress, **_depth(arguments))
    if Path(output).suffix.lower() == ".html":
        print(page)
    else:
        _done(summary, arguments.quiet)
    if arguments.open:
        import webbrowser

        webbrowser.open(output.resolve().as_uri())
    return 0


def _depth(arguments: argparse.Namespace) -> dict[str, Any]:
    return {"depth": arguments.depth, "depth_weights": arguments.weights, "depth_kind": arguments.depth_kind}


def _doctor(arguments: argparse.Namespace) -> int:
    from i2v.doctor import examine

    lines = examine()
    if arguments.json:
        print(json.dumps([asdict(line) for line in lines], indent=2))
        return 0 if all(line.ok for line in lines) else 1
    for line in lines:
        print(f"{'  ' if line.ok else '! '}{line.topic:<11} {line.text}")
        if line.advice:
            print(f"{'':14}-> {line.advice}")
    missing = [line for line in lines if not line.ok]
    print("ready" if not missing else f"not ready: {len(missing)} of these need attention, marked with !")
    return 1 if missing else 0


def _cache(arguments: argparse.Namespace) -> int:
    """By the physical half, in a process of its own as the doctor does: this one does not load Warp."""
    import subprocess

    command = [sys.executable, "-m", "physim.cli", "cache", arguments.what]
    command += ["--device", arguments.device] if arguments.device else []
    command += ["--quiet"] if arguments.quiet else []
    with subprocess.Popen(command) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.terminate()
            raise


def _done(summary: RunSummary, quiet: bool) -> int:
    if not quiet:
        print_summary(summary)
    print(summary.path)
    return 0


@contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """SIGTERM unwinds like Ctrl-C, so that a job scheduler's end leaves no half-written file either."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, interrupt)
    except ValueError:  # not the main thread: signals are not ours
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _version() -> str:
    from importlib.metadata import version

    return version("physim")


if __name__ == "__main__":
    sys.exit(main())
