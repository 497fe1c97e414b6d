"""Command line of the physical half: shot files, their schema, devices, validation of the solvers, compiled kernels.

Results go to stdout. Exit code 0: done; 1: a validation failed; 2: something given is wrong, said on stderr; 130:
interrupted.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import physim
from physim.progress import Progress


def main(argv: list[str] | None = None) -> int:
    """Run ``physim`` with ``argv``; returns the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        return arguments.run(arguments)
    except (ValueError, OSError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def shot_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the shot file; editors complete and check YAML and JSON with it."""
    from physim.shot import Shot

    schema = Shot.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def schema_text() -> str:
    """What ``docs/shot.schema.json`` holds."""
    return json.dumps(shot_schema(), indent=2, ensure_ascii=False) + "\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="physim", description="One photo becomes a physically simulated scene.")
    parser.add_argument("--version", action="version", version=f"physim {physim.__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")

    check = commands.add_parser("check", help="read a shot file and report every mistake at once")
    check.add_argument("shot", type=Path, nargs="+", help="shot file: .yaml, .json or .toml")
    check.set_defaults(run=_check)

    schema = commands.add_parser("schema", help="print the JSON Schema of shot files")
    schema.add_argument("-o", "--output", type=Path, help="write it to this file instead")
    schema.set_defaults(run=_schema)

    devices = commands.add_parser("devices", help="list the devices that Warp can simulate on")
    devices.add_argument("--json", action="store_true", help="as JSON, with the folder of compiled kernels")
    devices.set_defaults(run=_devices)

    validate = commands.add_parser("validate", help="run cases with known answers and print the errors")
    validate.add_argument("--cases", type=Path, metavar="DIR", help="directory of case files; default: our own")
    validate.add_argument("--only", nargs="+", default=[], metavar="ID", help="ids or groups, such as rigid")
    validate.add_argument("--json", action="store_true", help="one JSON object per quantity and line")
    validate.add_argument("--fps", type=float, default=60.0, help="frames per second of the runs; default: 60")
    validate.add_argument("--refinement", type=float, default=1.0, help="factor on the solvers' substeps; default: 1")
    validate.add_argument("--device", help="Warp device, such as cpu or cuda:0")
    validate.add_argument("--output", type=Path, metavar="FILE.md", help="also write a page of documentation")
    validate.set_defaults(run=_validate)

    cache = commands.add_parser("cache", help="compile all kernels ahead of their first use, find or remove them")
    cache.add_argument("what", choices=("warm", "where", "clear"), help="compile them; print their folder; remove them")
    cache.add_argument("--device", help="Warp device to compile for, such as cpu or cuda:0 (default: Warp's)")
    cache.add_argument("--workers", type=int, help="modules at a time (default: one per core, at most 8)")
    cache.add_argument("--quiet", action="store_true", help="no progress")
    cache.set_defaults(run=_cache)
    return parser


def _check(arguments: argparse.Namespace) -> int:
    from physim.shot import Shot
    from physim.shot_file import ShotError

    wrong = 0
    for path in arguments.shot:
        try:
            shot = Shot.load(path)
        except ShotError as error:
            wrong += 1
            print(error, file=sys.stderr)
            continue
        frames = round(shot.seconds * shot.fps)
        print(f"{path}: good; {len(shot.things)} things, {len(shot.forces)} forces, {frames} frames")
    return 2 if wrong else 0


def _schema(arguments: argparse.Namespace) -> int:
    if arguments.output is None:
        print(schema_text(), end="")
        return 0
    arguments.output.write_text(schema_text(), encoding="utf-8")
    print(arguments.output)
    return 0


def _devices(arguments: argparse.Namespace) -> int:
    import physim_kernels  # noqa: F401  (tells Warp to keep stdout clean)
    import warp as wp

    wp.init()
    devices = [
        {"alias": d.alias, "name": d.name, "memory": None if d.is_cpu else d.total_memory} for d in wp.get_devices()
    ]
    if arguments.json:
        from physim import kernel_cache

        there, total = kernel_cache.compiled()
        place = str(kernel_cache.folder())
        kernels = {"folder": place, "bytes": kernel_cache.size(), "compiled": there, "total": total}
        print(json.dumps({"devices": devices, "default": str(wp.get_device().alias), "kernels": kernels}))
        return 0
    for device in devices:
        memory = f", {device['memory'] / 2**30:.1f} GiB" if device["memory"] else ""
        print(f"{device['alias']}: {device['name']}{memory}")
    return 0


def _validate(arguments: argparse.Namespace) -> int:
    from physim.validation.command import validate
    from physim.validation.settings import Settings

    settings = Settings(arguments.fps, arguments.refinement, arguments.device)
    return validate(arguments.cases, arguments.only, settings, as_json=arguments.json, output=arguments.output)


def _cache(arguments: argparse.Namespace) -> int:
    from physim import kernel_cache

    if arguments.what == "where":
        print(kernel_cache.folder())
    elif arguments.what == "clear":
        print(f"{kernel_cache.clear() / 1e6:.1f} MB of compiled kernels removed from {kernel_cache.folder()}")
    else:
        if arguments.workers is not None and arguments.workers < 1:
            raise ValueError(f"--workers is {arguments.workers}, expected at least 1.")
        with _compiling(arguments.quiet) as progress:
            done = kernel_cache.warm(arguments.device, workers=arguments.workers, progress=progress)
        if done.compiled:
            print(f"{len(done.compiled)} of {done.total} modules compiled for {done.device} in {done.seconds:.1f} s")
        else:
            print(f"all {done.total} modules are compiled for {done.device}")
        print(done.folder)
    return 0


@contextmanager
def _compiling(quiet: bool) -> Iterator[Progress | None]:
    """A bar on a terminal, a line for each tenth elsewhere; on stderr."""
    if quiet:
        yield None
    elif not sys.stderr.isatty():
        told = -1

        def tell(stage: str, fraction: float, /) -> None:
            nonlocal told
            if int(10 * fraction) > told:
                told = int(10 * fraction)
                print(f"{stage} {fraction:.0%}", file=sys.stderr, flush=True)

        yield tell
    else:
        from rich import progress
        from rich.console import Console

        columns = (progress.TextColumn("{task.description}"), progress.BarColumn(), progress.TaskProgressColumn(),
                   progress.TimeElapsedColumn())  # fmt: skip
        with progress.Progress(*columns, console=Console(stderr=True)) as bars:
            bar = bars.add_task("kernels", total=1.0)
            yield lambda stage, fraction: bars.update(bar, completed=fraction)


if __name__ == "__main__":
    sys.exit(main())
