"""Checks of a shot that look beyond one field: other things, the photo, named files, limits of this version.

Everything here is cheap: of pictures only the header is read, so a mistake is known before any work begins.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from physim.fabrics import FABRICS
from physim.grains import GRAINS
from physim.liquids import LIQUIDS
from physim.materials import SMOKES, SOLIDS
from physim.photo import PhotoError, picture_size
from physim.shot import OutputSpec, Shot, Thing
from physim.shot_camera import part_of
from physim.shot_over_time import VectorKeys, each_value
from physim.shot_regions import in_photo
from physim.shot_text import Finding, Route
from physim.softs import SOFTS

MAX_THINGS = 1000
GROUND = "ground"
"""Name of the ground plane."""
MIN_PART = 1e-3
"""Shortest time between two cuts [s]."""
MAX_FRAMES = 36_000
"""25 minutes at 24 frames per second."""
MAX_SQUEEZE = 0.01
"""Largest change of the aspect ratio that rounding to even sizes may cause; more would be seen."""
CROPS = ("web", "hevc10", "hdr10")
"""Presets that have odd sizes only with colour for every pixel."""
MAX_DEFAULT_SIDE = 3840
"""Longer side of a video whose size nobody asked for [pixels]."""


def check(shot: Shot) -> list[Finding]:
    """All mistakes of a shot; wrong entries that were replaced by ``None`` are passed over."""
    size, findings = _photo(shot)
    things: list[tuple[Route, Thing]] = [
        (("things", i), thing) for i, thing in enumerate(shot.things or []) if thing is not None
    ]
    findings.extend(_limits(shot))
    findings.extend(_depth(shot))
    findings.extend(_looks(shot, [thing for _, thing in things]))
    for route, thing in things[:MAX_THINGS]:
        findings += _thing(route, thing)
    findings += _pins(things)
    findings += _holders(shot, things)
    findings += _joints(shot, [thing for _, thing in things])
    findings += _hangs(shot, things)
    findings += _forces(shot, [thing for _, thing in things])
    findings += _gravity(shot, [thing for _, thing in things])
    findings += _moves(shot)
    findings += in_photo(shot, things, size)
    findings += _recordings(shot)
    findings += _followed(shot, [thing for _, thing in things])
    if size is not None and shot.output is not None:
        findings += _output(shot.output, size)
    return findings


def output_size(output: OutputSpec, photo_size: tuple[int, int]) -> tuple[int, int]:
    """(height, width) of the video: what was asked for, else the photo's, at most 3840; even, as video needs."""
    if output.aspect is not None:
        return _framed_size(output, photo_size)
    rows, cols = photo_size
    if output.width is not None and output.height is not None:
        return output.height, output.width
    if output.width is not None:
        return _side(output, output.width * rows / cols), output.width
    if output.height is not None:
        return output.height, _side(output, output.height * cols / rows)
    scale = min(1.0, MAX_DEFAULT_SIDE / max(rows, cols))
    size = _side(output, rows * scale), _side(output, cols * scale)
    return size if _squeeze(size, photo_size) <= MAX_SQUEEZE else (2 * rows, 2 * cols)  # a tiny photo of odd size


def whole_size(output: OutputSpec, photo_size: tuple[int, int]) -> tuple[int, int]:
    """(height, width) of the picture that is composed; the video's, or that of which it is a part."""
    size = output_size(output, photo_size)
    if output.aspect is None:
        return size
    rows, cols = photo_size
    if size[1] * rows < size[0] * cols:  # narrower than the photo: all of its height
        return size[0], max(size[1], round(size[0] * cols / rows))
    return max(size[0], round(size[1] * rows / cols)), size[1]


def _framed_size(output: OutputSpec, photo_size: tuple[int, int]) -> tuple[int, int]:
    """The frame of the given aspect: the side that was asked for, else as large as the picture allows."""
    assert output.aspect is not None
    across, down = (int(n) for n in output.aspect.split(":"))
    if output.width is not None:
        return output.height or _side(output, output.width * down / across), output.width
    if output.height is not None:
        return output.height, _side(output, output.height * across / down)
    rows, cols = output_size(output.model_copy(update={"aspect": None}), photo_size)
    if cols * down > rows * across:
        return rows, _side(output, rows * across / down)
    return _side(output, cols * down / across), cols


def _squeeze(size: tuple[int, int], photo_size: tuple[int, int]) -> float:
    """How far the aspect ratio is from the photo's, as a fraction."""
    return abs(size[1] * photo_size[0] / (size[0] * photo_size[1]) - 1)


def _any_size(output: OutputSpec) -> bool:
    """Whether odd numbers of pixels can be written: pictures, and video that stores colour for every pixel."""
    return output.preset in ("png", "exr") or output.chroma == "444"


def _side(output: OutputSpec, value: float) -> int:
    """A side [pixels] that can be written."""
    return max(1, round(value)) if _any_size(output) else _even(value)


def _even(value: float) -> int:
    return max(2, 2 * round(value / 2))


def _photo(shot: Shot) -> tuple[tuple[int, int] | None, list[Finding]]:
    if shot.photo is None:
        return None, []
    try:
        return picture_size(shot.photo), []
    except PhotoError as error:
        return None, [Finding(("photo",), str(error))]


def _limits(shot: Shot) -> Iterator[Finding]:
    count = len(shot.things or [])
    if count > MAX_THINGS:
        yield Finding(
            ("things",), f"given {count} things, expected at most {MAX_THINGS}. Leave out what does not move."
        )
    if shot.seconds is not None and shot.fps is not None:
        frames = round(shot.seconds * shot.fps)
        if frames > MAX_FRAMES:
            text = f"given {shot.seconds:g} s x {shot.fps:g} fps = {frames} frames, expected at most {MAX_FRAMES}."
            yield Finding(("seconds",), f"{text} Make several shots.")
        if frames < 1:
            text = f"given {shot.seconds:g} s x {shot.fps:g} fps, which is no frame, expected at least one."
            yield Finding(("seconds",), text)
    video = shot.output.fps if shot.output is not None else None
    slow = (shot.output.slow_motion or 1.0) if shot.output is not None else 1.0
    if video is not None and shot.fps is not None and video * slow < shot.fps * (1 - 1e-9):
        least = f"{shot.fps:g}" if slow == 1 else f"{shot.fps:g} / {slow:g} = {shot.fps / slow:g}"
        yield Finding(("output", "fps"), f"given {video:g}, expected at least the shot's `fps`, {least}. Lower that.")
    if slow != 1 and shot.output.audio is not None:
        text = f"given {slow:g} with `audio`: sound belongs to life's own pace. Leave one of them out."
        yield Finding(("output", "slow_motion"), text)


def _depth(shot: Shot) -> Iterator[Finding]:
    """Files are looked at before any work; what they hold is judged when they are read."""
    hint = None if shot.hints is None else shot.hints.depth
    if hint is None:
        return
    for name, path in (("file", hint.file), ("weights", hint.weights)):
        if path is not None and not path.is_file():
            yield Finding(("hints", "depth", name), f"{path}: no such file.")


def _looks(shot: Shot, things: list[Thing]) -> Iterator[Finding]:
    """Adapters and photos of subjects; what the files hold is judged when they are read."""
    spec = shot.generate
    if spec is None:
        return
    for i, adapter in enumerate(spec.adapters or []):
        if adapter is not None and adapter.file is not None and not adapter.file.is_file():
            yield Finding(("generate", "adapters", i, "file"), f"{adapter.file}: no such file.")
    for i, subject in enumerate(spec.subjects or []):
        if subject is None:
            continue
        if subject.photos is not None and not subject.photos.is_dir():
            yield Finding(("generate", "subjects", i, "photos"), f"{subject.photos}: no such folder.")
        names = sorted(thing.name for thing in things)
        if subject.thing is not None and subject.thing not in names:
            yield Finding(("generate", "subjects", i, "thing"), _nearest(subject.thing, names, "the name of a thing"))


def _thing(route: Route, thing: Thing) -> Iterator[Finding]:
    if thing.name == GROUND:
        yield Finding((*route, "name"), "given 'ground', which is the name of the ground plane, expected another name.")
    tables = {
        "rigid": SOLIDS,
        "static": SOLIDS,
        "kinematic": SOLIDS,
        "smoke": SMOKES,
        "cloth": FABRICS,
        "grains": GRAINS,
        "soft": SOFTS,
        "liquid": LIQUIDS,
    }
    for kind, table in tables.items():
        spec = getattr(thing, kind)
        if spec is not None and spec.material not in table:
            yield Finding((*route, kind, "material"), _nearest(spec.material, sorted(table), "a material"))
    for kind in ("rigid", "static", "kinematic"):
        yield from _static_friction((*route, kind), getattr(thing, kind))
    if thing.shape is not None and thing.shape.mesh is not None and not thing.shape.mesh.is_file():
        yield Finding((*route, "shape", "mesh"), f"{thing.shape.mesh}: no such file, expected a closed mesh in metres.")
    if not all(0 <= c <= 1 for c in thing.colour):
        yield Finding((*route, "colour"), f"given {list(thing.colour)}, expected reflectances from 0 to 1.")
    for kind in ("smoke", "liquid"):
        domain = getattr(getattr(thing, kind), "domain", None)
        if domain is not None and not all(a < b for a, b in zip(*domain, strict=True)):
            yield Finding((*route, kind, "domain"), "expected the lower corner first: each value below its partner.")
    if thing.emit is not None and thing.liquid is not None and not any(map(any, each_value(thing.emit.velocity))):
        text = "given [0, 0, 0], expected some m/s: of a liquid enters what flows through its disc."
        yield Finding((*route, "emit", "velocity"), text)
    if thing.emit is not None and thing.emit.end is not None and thing.emit.end <= thing.emit.start:
        text = f"given {thing.emit.end:g} s, expected later than `start`, {thing.emit.start:g} s."
        yield Finding((*route, "emit", "end"), text)


def _pins(things: list[tuple[Route, Thing]]) -> Iterator[Finding]:
    """Pins that name a thing which cannot hold them, or a region where there is no photo."""
    holders = [thing.name for _, thing in things if thing.moves or thing.static is not None]
    for route, thing in things:
        for i, pin in enumerate(thing.cloth.pin if thing.cloth is not None else []):
            here = (*route, "cloth", "pin", i)
            if pin.to is not None and pin.to not in holders:
                yield Finding((*here, "to"), _nearest(pin.to, holders, "the name of a rigid or static thing"))
            if pin.region is not None and thing.select is None:
                text = f"{thing.name!r} is not in the photo, expected `where`: an edge or a corner of its sheet."
                yield Finding((*here, "region"), text)
            if pin.region is not None and (pin.region.mask is not None or pin.region.ids is not None):
                yield Finding((*here, "region"), "given a picture, expected a box, a polygon or an ellipse.")


def _holders(shot: Shot, things: list[tuple[Route, Thing]]) -> Iterator[Finding]:
    """Liquids inside of what cannot hold them, or is placed after them; sources on what does not carry them."""
    before: list[str] = []
    solids = [
        t.name for _, t in things if (t.moves or t.static is not None) and not (t.still and t.lift.kind == "auto")
    ]
    in_photo = [thing.name for _, thing in things if thing.select is not None]
    wrong_things = any(thing is None for thing in shot.things or [])
    liquids = [t.name for _, t in things if t.liquid is not None]
    movers = [t.name for _, t in things if t.moves]
    for route, thing in things:
        on = None if thing.emit is None or thing.smoke is None or wrong_things else thing.emit.on
        if on is not None and thing.emit is not None and thing.emit.at is None and on not in liquids:
            text = _nearest(on, liquids, "the name of a liquid thing; with `at` a solid one carries the source")
            yield Finding((*route, "emit", "on"), text)
        if on is not None and thing.emit is not None and thing.emit.at is not None and on not in movers:
            yield Finding((*route, "emit", "on"), _nearest(on, movers, "the name of a solid thing that moves"))
        if thing.inside is not None and not wrong_things:  # the holder may be one of those that could not be read
            here = (*route, "inside")
            if thing.inside not in solids:
                yield Finding(here, _nearest(thing.inside, solids, "the name of a solid thing"))
            elif thing.inside not in before:
                yield Finding(here, f"{thing.inside!r} comes later in `things`, expected it before {thing.name!r}.")
            elif thing.select is not None and thing.inside not in in_photo:
                text = f"{thing.inside!r} is not in the photo and {thing.name!r} is, expected a thing with `select`."
                yield Finding(here, text)
        before.append(thing.name)


def _static_friction(route: Route, spec: Any) -> Iterator[Finding]:
    if spec is None or spec.static_friction is None or spec.material not in SOLIDS:
        return
    kinetic = SOLIDS[spec.material]["friction"] if spec.friction is None else spec.friction
    if spec.static_friction < kinetic:
        text = f"given {spec.static_friction:g}, expected at least the friction of slipping, {kinetic:g}."
        yield Finding((*route, "static_friction"), text)


def _joints(shot: Shot, things: list[Thing]) -> Iterator[Finding]:
    """Joints must name solids, two different ones, and at least one that forces move."""
    drawn = [thing.name for thing in things if thing.still and thing.lift.kind == "auto"]  # no solids
    solid = [t.name for t in things if (t.moves or t.static is not None) and t.name not in drawn] + [GROUND]
    rigid = [thing.name for thing in things if thing.rigid is not None]
    names = [thing.name for thing in things]
    wrong_things = any(thing is None for thing in shot.things or [])
    for i, joint in enumerate(shot.joints or []):
        if joint is None:
            continue
        route, spec = ("joints", i, joint.kind), joint.spec
        unknown = False
        for end in ("body", "other"):
            given = getattr(spec, end)
            if given is None or given in solid:
                continue
            unknown = True
            if given in names:
                text = f"{given!r} is no solid and cannot be tied, expected a rigid, static or kinematic thing."
                yield Finding((*route, end), text)
            elif not wrong_things:  # the thing may be one of those that could not be read
                yield Finding((*route, end), _nearest(given, solid, "the name of a solid thing"))
        if not unknown and spec.body == spec.other:
            yield Finding((*route, "other"), f"given {spec.other!r}, which is `body` too, expected another thing.")
        elif not unknown and not wrong_things and spec.body not in rigid and spec.other not in rigid:
            yield Finding((*route, "body"), f"{spec.body!r} does not give way, expected one end on a rigid thing.")


def _hangs(shot: Shot, things: list[tuple[Route, Thing]]) -> Iterator[Finding]:
    """Things that hang from what is no solid, or from themselves."""
    solid = [t.name for _, t in things if (t.moves or t.static is not None) and not (t.still and t.lift.kind == "auto")]
    for route, thing in things:
        to = None if thing.hang is None else thing.hang.to
        if to is not None and (to == thing.name or to not in solid) and None not in (shot.things or []):
            others = [name for name in solid if name != thing.name]
            yield Finding((*route, "hang", "to"), _nearest(to, others, "the name of another solid thing"))


def _forces(shot: Shot, things: list[Thing]) -> Iterator[Finding]:
    names = [thing.name for thing in things]
    rigid = [thing.name for thing in things if thing.rigid is not None]
    wrong_things = any(thing is None for thing in shot.things or [])
    for i, force in enumerate(shot.forces or []):
        acting = None if force is None else force.impulse or force.push
        if force is None or acting is None or acting.on in rigid:
            continue
        route = ("forces", i, "impulse" if force.impulse else "push", "on")
        if acting.on in names:
            yield Finding(route, f"{acting.on!r} is not rigid and cannot be pushed, expected a rigid thing.")
        elif not wrong_things:  # the thing may be one of those that could not be read
            yield Finding(route, _nearest(acting.on, rigid, "the name of a rigid thing"))


def _gravity(shot: Shot, things: list[Thing]) -> Iterator[Finding]:
    """A lake's waves are laid out once, for one gravity."""
    if not isinstance(shot.gravity, VectorKeys):
        return
    for thing in things:
        if thing.liquid is not None and thing.select is not None and not thing.flies and thing.inside is None:
            text = f"given keys, but {thing.name!r} is a lake, whose waves need a constant gravity, expected a vector."
            yield Finding(("gravity",), text)


def _moves(shot: Shot) -> Iterator[Finding]:
    borders = [0.0, *(shot.cuts or []), float("inf") if shot.seconds is None else shot.seconds]
    if any(b - a < MIN_PART for a, b in pairwise(borders)):
        text = f"given {list(shot.cuts or [])}, expected rising times after 0 and before the end."
        yield Finding(("cuts",), text)
        return
    for i, move in enumerate(shot.camera or []):
        if move is None or shot.seconds is None:
            continue
        if move.ease == "at_once" and move.start == 0:
            text = "given `at_once` from 0 s on, but the first frame is the photo, expected a later `from`."
            yield Finding(("camera", i, "ease"), text)
        end = move.end if move.end is not None else part_of(move.begins, shot.cuts or [], shot.seconds)[1]
        if end <= move.start and move.keys is None:
            yield Finding(("camera", i), f"given a move from {move.start:g} s to {end:g} s, expected it to end later.")
    hints = shot.hints
    direction = hints.light.direction if hints else None
    if direction is not None and not any(direction):
        yield Finding(("hints", "light", "direction"), "given [0, 0, 0], expected a vector towards the light.")


def _nearest(given: str, known: list[str], what: str) -> str:
    near = difflib.get_close_matches(given, known, n=1)
    hint = f" Did you mean `{near[0]}`?" if near else ""
    return f"given {given!r}, expected {what}: {', '.join(known) or 'there is none'}.{hint}"


# ---- the video -------------------------------------------------------------------------------------------------------


def _frame(output: OutputSpec) -> Iterator[Finding]:
    """A size that was given must have the aspect that was given."""
    assert output.aspect is not None
    if output.width and output.height:
        across, down = (int(n) for n in output.aspect.split(":"))
        if abs(output.width * down / (output.height * across) - 1) > MAX_SQUEEZE:
            fitting = _even(output.width * down / across)
            text = f"given {output.width} x {output.height} with aspect {output.aspect}, expected height {fitting}."
            yield Finding(("output",), f"{text} Give one of the two.")


def _followed(shot: Shot, things: list[Thing]) -> Iterator[Finding]:
    """What the frame follows must be there, and be able to move."""
    name = None if shot.output is None else shot.output.follow
    if name is None or any(thing is None for thing in shot.things or []):
        return
    if shot.output.aspect is None:
        yield Finding(
            ("output", "follow"), "only a frame of another `aspect` follows something; give one, such as 9:16."
        )
    moving = [t.name for t in things if t.rigid or t.cloth or t.gives or t.liquid or t.kinematic]
    if name not in moving:
        yield Finding(("output", "follow"), _nearest(name, moving, "the name of a thing that moves"))


def _recordings(shot: Shot) -> Iterator[Finding]:
    """The user's own sounds must be there, for materials that are."""
    audio = None if shot.output is None else shot.output.audio
    for i, recording in enumerate([] if audio is None else audio.recordings):
        route = ("output", "audio", "recordings", i)
        if recording.material not in SOLIDS:
            yield Finding((*route, "material"), _nearest(recording.material, sorted(SOLIDS), "a solid material"))
        if recording.file.suffix.lower() != ".wav" or not recording.file.is_file():
            yield Finding((*route, "file"), f"given {str(recording.file)!r}, expected a WAV file that is there.")


def _output(output: OutputSpec, photo_size: tuple[int, int]) -> Iterator[Finding]:
    for holder, names in ((output.credentials, ("cert", "key")), (output.watermark, ("key",))):
        for name in names:
            path = getattr(holder, name, None)
            if path is not None and not path.is_file():
                field = "watermark" if holder is output.watermark else "credentials"
                yield Finding(("output", field, name), f"{path}: no such file.")
    if output.preset in ("png", "exr") and output.credentials is not None:
        yield Finding(("output", "credentials"), "a folder of pictures cannot be signed, expected a video.")
    coarse = output.preset in CROPS and output.chroma in ("420", "422")
    odd = [n for n in ("width", "height") if (getattr(output, n) or 0) % 2 and coarse]
    for name in odd:
        value = getattr(output, name)
        text = f"given {value}, expected an even number: {value - 1} or {value + 1}, or `chroma: 444`."
        yield Finding(("output", name), text)
    if output.aspect is not None:
        yield from _frame(output)
        return
    rows, cols = output_size(output, photo_size)
    squeeze = _squeeze((rows, cols), photo_size)
    if odd or squeeze <= MAX_SQUEEZE:
        return
    text = f"given {cols} x {rows} for a photo of {photo_size[1]} x {photo_size[0]}, squeezed by {squeeze:.0%}"
    if output.width and output.height:
        fitting = _even(output.width * photo_size[0] / photo_size[1])
        advice = f"width {output.width} goes with height {fitting}. Give one of the two, or crop the photo."
    else:
        advice = "even numbers of pixels come nearer to it at a larger size."
    yield Finding(("output",), f"{text}, expected the same shape: {advice}")
