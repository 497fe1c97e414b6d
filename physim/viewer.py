"""A page to look at a simulated scene from all sides: one HTML file that needs no server and no network.

Shown are the reconstructed background, the ground with a grid of metres, gravity, the camera with the photo and the
outlines of the things found in it, its path, and everything that moves, playing. Needs the extra ``viewer`` (viser).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np

from physim.backdrop_view import photo_camera
from physim.brush_page import with_brush
from physim.camera import Camera
from physim.materials import Static
from physim.scene import Backdrop, Entity, Scene
from physim.shapes import HeightField, Plane
from physim.trajectory import Trajectory
from physim.zbuffer import pose_matrix

SURFACE_COLUMNS = 240
"""Samples along the photo's width of the background's surface."""
CLIFF = 1.12
"""Neighbours whose depths differ by more than this factor are not joined: one stands before the other."""
FAR = 12.0
"""What is further away than this times the middle of the scene is left out (sky, horizon)."""
PARTICLES = 4000
"""Points at most for each liquid and smoke, per frame."""
FACES = 20_000
"""Faces at most for each body; a finer one is shown by its hull."""
DETAIL = 40
"""Edges of a thing of the photo are at most its size over this, so that its picture is seen on it."""
PALETTE = np.array(
    [[230, 97, 63], [64, 145, 218], [98, 176, 75], [222, 172, 48], [160, 98, 190], [60, 180, 170], [214, 106, 150]]
)
"""Colours of the outlines of things, by number."""

Frame = Callable[[float], None]
"""Moves what is shown to a time [s]."""


def save_page(trajectory: Trajectory, path: str | os.PathLike) -> Path:
    """Write the page of a simulated scene; an existing file is replaced when the new one is complete.

    Raises:
        ValueError: Another suffix than ``.html``.
        ImportError: viser is missing; the message says how to install it.
    """
    path = check_viewer(path)
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(page(trajectory), encoding="utf-8")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return path


def check_viewer(path: str | os.PathLike) -> Path:
    """The page's path, if a page can be written there and there is something to write it with.

    Raises:
        ValueError: Another suffix than ``.html``, or no such folder.
        ImportError: viser is missing; the message says how to install it.
    """
    path = Path(path)
    if path.suffix.lower() != ".html":
        raise ValueError(f"a page is written to {path.name!r}, expected a name that ends in .html.")
    if not path.absolute().parent.is_dir():
        raise ValueError(f"the folder of {os.fspath(path)!r} does not exist; make it first.")
    _viser()
    return path


def _viser():
    try:
        import viser
    except ImportError as error:
        raise ImportError("the page needs viser: pip install 'physim[viewer]'.") from error
    return viser


def page(trajectory: Trajectory) -> str:
    """The HTML of a simulated scene, with its frames playing in a loop.

    Raises:
        ImportError: viser is missing; the message says how to install it.
    """
    viser = _viser()
    with redirect_stdout(StringIO()):  # where viser announces the server that records the page
        server = viser.ViserServer(host="127.0.0.1", port=0, verbose=False)
        try:
            return with_brush(_recorded(server, trajectory), trajectory.scene)
        finally:
            server.stop()


def _recorded(server, trajectory: Trajectory) -> str:
    scene = trajectory.scene
    world = server.scene
    world.set_up_direction("+y")
    span = extent(trajectory)
    _add_ground(world, scene, span)
    if scene.backdrop is not None and scene.camera is not None:
        vertices, faces, colours = surface(scene.backdrop, scene.camera.start, FAR * span)
        world.add_mesh_trimesh("/photo", _coloured(vertices, faces, colours))
    eye = (
        None
        if scene.camera is None or scene.backdrop is None
        else photo_camera(scene.camera, scene.backdrop.photo.shape[:2])
    )
    frames = [_add_body(world, scene[name], track, eye) for name, track in trajectory.bodies.items()]
    frames += [
        _add_cloth(world, scene[name], track, eye) for name, track in (trajectory.cloths | trajectory.softs).items()
    ]
    for entity in scene:
        if isinstance(entity.material, Static) and not isinstance(entity.shape, Plane | HeightField):
            _add_static(world, entity)
    frames += [_add_liquid(world, name, track, trajectory.fps) for name, track in trajectory.liquids.items()]
    frames += [_add_smoke(world, name, track, trajectory.fps) for name, track in trajectory.smokes.items()]
    frames.append(_add_camera(server, trajectory, span))
    recording = server.get_scene_serializer()
    for time in trajectory.times:
        with server.atomic():
            for frame in frames:
                frame(float(time))
        recording.insert_sleep(1 / trajectory.fps)
    return recording.as_html()


def extent(trajectory: Trajectory) -> float:
    """How large what is looked at is [m]: the distance of the middle of the photo, or the reach of what moves."""
    scene = trajectory.scene
    if scene.backdrop is not None:
        rows, cols = scene.backdrop.depth.shape
        return float(np.median(scene.backdrop.depth[rows // 3 : -rows // 3 or None, cols // 3 : -cols // 3 or None]))
    places = [np.asarray(entity.position) for entity in scene if not isinstance(entity.shape, Plane | HeightField)]
    places += [track.dense_position[-1] for track in trajectory.bodies.values()]
    return float(max(np.ptp(places, axis=0).max(), 0.5)) if places else 1.0


def surface(backdrop: Backdrop, camera: Camera, far: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The background as a mesh in the world: vertices (N, 3) [m], faces (M, 3), colours (N, 3) uint8.

    Edges of depth are cut, so that nothing in front is tied to what is behind it; what is beyond ``far`` [m] is left
    out.
    """
    from scipy.ndimage import map_coordinates

    height, width = backdrop.plate.shape[:2]
    cols = min(SURFACE_COLUMNS, width)
    rows = max(2, round(cols * height / width))
    u, v = np.meshgrid((np.arange(cols) + 0.5) * width / cols, (np.arange(rows) + 0.5) * height / rows)

    def at(image: np.ndarray, order: int) -> np.ndarray:
        place = [v * image.shape[0] / height - 0.5, u * image.shape[1] / width - 0.5]
        return map_coordinates(image, place, order=order, mode="nearest")

    depth = at(backdrop.depth, 0)
    start = camera if camera.size == (height, width) else camera.resized((height, width))
    vertices = start.unproject(np.stack([u, v], -1), depth).reshape(-1, 3)
    colours = np.stack([at(backdrop.plate[..., k], 1) for k in range(3)], -1).reshape(-1, 3)
    number = np.arange(rows * cols).reshape(rows, cols)
    a, b, c, d = (part.ravel() for part in (number[:-1, :-1], number[:-1, 1:], number[1:, 1:], number[1:, :-1]))
    faces = np.concatenate([np.stack([a, d, c], -1), np.stack([a, c, b], -1)])  # seen from the camera's side
    z = depth.ravel()[faces]
    kept = (z.max(axis=1) < CLIFF * z.min(axis=1)) & (z.max(axis=1) < far)
    return vertices, faces[kept], np.round(255 * np.clip(colours, 0, 1)).astype(np.uint8)


def outlined(backdrop: Backdrop, columns: int = 480) -> np.ndarray:
    """The photo (h, w, 3) uint8 with every thing that was found in it tinted and outlined."""
    from scipy.ndimage import binary_erosion

    step = max(1, round(backdrop.photo.shape[1] / columns))
    picture = np.round(255 * backdrop.photo[::step, ::step]).astype(np.float32)
    ids = backdrop.ids[::step, ::step]
    for number in np.unique(ids[ids > 0]):
        inside, colour = ids == number, PALETTE[number % len(PALETTE)]
        edge = inside & ~binary_erosion(inside, iterations=2)
        picture[inside] = 0.7 * picture[inside] + 0.3 * colour
        picture[edge] = colour
    return picture.astype(np.uint8)


def _coloured(vertices: np.ndarray, faces: np.ndarray, colours: np.ndarray):
    import trimesh

    return trimesh.Trimesh(vertices, faces, vertex_colors=colours, process=False)


def _add_ground(world, scene: Scene, span: float) -> None:
    """A grid of the ground, of round cells, and gravity as an arrow of a tenth of the scene."""
    unit = 10.0 ** np.floor(np.log10(span / 2))
    centre = np.zeros(3)
    if scene.camera is not None:
        start = scene.camera.start
        centre = start.position + span * start.world_from_camera[:3, 2]
    centre[1] = 0.0
    world.add_grid(
        "/ground", 4 * span, 4 * span, plane="xz", cell_size=unit, section_size=10 * unit,
        position=(centre[0], 0.0, centre[2]),
    )  # fmt: skip
    length = 0.2 * span * scene.gravity / max(float(np.linalg.norm(scene.gravity)), 1e-9)
    tail = centre + (0.0, 0.6 * span, 0.0)
    world.add_arrows(
        "/gravity", np.array([[tail, tail + length]]), (210, 40, 40), shaft_radius=0.006 * span,
        head_radius=0.015 * span, head_length=0.04 * span,
    )  # fmt: skip
    strength = f"{np.linalg.norm(scene.gravity):.2f} m/s², cells of {unit:g} m"
    world.add_label("/gravity/strength", strength, position=tuple(tail))


def colours_of(entity: Entity, points: np.ndarray, camera: Camera | None) -> np.ndarray:
    """Colour (N, 3) uint8 of a thing at ``points`` (N, 3) [m, world, where it is at first].

    A thing of the photo has the colour of its pixel there, also at its back; an added one has its own.
    """
    if entity.cutout is None or camera is None:
        own = np.clip(np.asarray(entity.colour) ** (1 / 2.2), 0, 1)
        return np.tile(np.round(255 * own).astype(np.uint8), (len(points), 1))
    colour, alpha = entity.cutout.colour, entity.cutout.alpha
    pixels = camera.project(points)[0] - np.asarray(entity.cutout.corner)
    u, v = (np.clip(pixels[:, k].astype(int), 0, alpha.shape[1 - k] - 1) for k in range(2))
    mean = (colour * alpha[..., None]).sum(axis=(0, 1)) / max(float(alpha.sum()), 1e-6)
    share = alpha[v, u][:, None]
    return np.round(255 * np.clip(share * colour[v, u] + (1 - share) * mean, 0, 1)).astype(np.uint8)


def _wxyz(orientation: np.ndarray | tuple[float, ...]) -> np.ndarray:
    return np.roll(np.asarray(orientation, dtype=np.float64), 1)


def _mesh_of(entity: Entity) -> tuple[np.ndarray, np.ndarray]:
    triangles = entity.shape.triangles  # type: ignore[union-attr]
    vertices, faces = np.asarray(triangles.vertices, np.float32), np.asarray(triangles.faces, np.uint32)
    if len(faces) > FACES:
        import trimesh

        hull = trimesh.convex.convex_hull(vertices)
        vertices, faces = np.asarray(hull.vertices, np.float32), np.asarray(hull.faces, np.uint32)
    return vertices, faces


def _still(time: float) -> None:
    pass


def _add_static(world, entity: Entity) -> None:
    """As wires: what stands still in the photo is part of its surface."""
    vertices, faces = _mesh_of(entity)
    world.add_mesh_simple(
        f"/static/{entity.name}", vertices, faces, color=(90, 90, 90), wireframe=True, opacity=0.25,
        position=entity.position, wxyz=tuple(_wxyz(entity.orientation)),
    )  # fmt: skip


def _add_body(world, entity: Entity, track, camera: Camera | None) -> Frame:
    position, orientation = track.at(0.0)
    vertices, faces = _mesh_of(entity)
    if entity.cutout is not None:
        vertices, faces = _finer(vertices, faces)
    points = vertices @ pose_matrix(position, orientation)[:3, :3].T + position
    mesh = _coloured(vertices, faces, colours_of(entity, points, camera))
    handle = world.add_mesh_trimesh(
        f"/things/{entity.name}", mesh, position=tuple(position), wxyz=tuple(_wxyz(orientation))
    )

    def frame(time: float) -> None:
        position, orientation = track.at(time)
        handle.position = tuple(position)
        handle.wxyz = tuple(_wxyz(orientation))

    return frame


def _finer(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """So many vertices that the photo can be recognised in their colours."""
    import trimesh

    size = float(np.ptp(vertices, axis=0).max())
    return trimesh.remesh.subdivide_to_size(vertices, faces, size / DETAIL)


def _add_cloth(world, entity: Entity, track, camera: Camera | None) -> Frame:
    points = np.asarray(track.at(0.0), np.float32)
    r, g, b = (int(x) for x in colours_of(entity, points, camera).mean(axis=0))
    handle = world.add_mesh_simple(
        f"/things/{entity.name}", points, np.asarray(track.faces, np.uint32), color=(r, g, b), side="double"
    )

    def frame(time: float) -> None:
        handle.vertices = np.asarray(track.at(time), np.float32)

    return frame


def _thinned(points: np.ndarray) -> np.ndarray:
    return points[:: max(1, len(points) // PARTICLES)].astype(np.float32)


def _add_liquid(world, name: str, track, fps: float) -> Frame:
    def points(time: float) -> np.ndarray:
        here = track.position[min(round(time * fps), len(track.position) - 1)]
        return _thinned(here[np.isfinite(here[:, 0])])

    handle = world.add_point_cloud(
        f"/things/{name}", points(0.0), (60, 130, 200), point_size=0.8 * track.cell, point_shape="circle"
    )

    def frame(time: float) -> None:
        handle.points = points(time)

    return frame


def _add_smoke(world, name: str, track, fps: float) -> Frame:
    def points(time: float) -> np.ndarray:
        density = track.density[min(round(time * fps), len(track.density) - 1)]
        cells = np.argwhere(density > 0.1)
        return _thinned(track.origin + (cells + 0.5) * track.cell)

    handle = world.add_point_cloud(
        f"/things/{name}", points(0.0), (190, 190, 190), point_size=0.5 * track.cell, point_shape="circle"
    )

    def frame(time: float) -> None:
        handle.points = points(time)

    return frame


def _add_camera(server, trajectory: Trajectory, span: float) -> Frame:
    """The photo where it was taken, the way of the camera, and a frustum that goes along it."""
    path = trajectory.scene.camera
    if path is None:
        server.initial_camera.position = tuple(np.array([1.2, 0.9, 1.5]) * span)
        server.initial_camera.look_at = (0.0, 0.2 * span, 0.0)
        return _still
    world, start = server.scene, path.start
    back = -start.world_from_camera[:3, 2]
    right = start.world_from_camera[:3, 0]
    server.initial_camera.position = tuple(start.position + span * (0.4 * right - 0.25 * back))
    server.initial_camera.look_at = tuple(start.position - 0.9 * span * back)

    def lens(camera: Camera) -> tuple[float, float]:
        return 2 * float(np.arctan(camera.size[0] / 2 / camera.focal)), camera.size[1] / camera.size[0]

    def pose(camera: Camera) -> dict:
        import trimesh

        wxyz = trimesh.transformations.quaternion_from_matrix(camera.world_from_camera)
        return {"position": tuple(camera.position), "wxyz": tuple(wxyz)}

    line = {"thickness": 2.0, "thickness_units": "screen"}
    photo = None if trajectory.scene.backdrop is None else outlined(trajectory.scene.backdrop)
    world.add_camera_frustum("/camera/photo", *lens(start), scale=0.06 * span, image=photo, **line, **pose(start))
    if path.is_static:
        return _still
    way = np.array([path.at(float(t)).position for t in trajectory.times])
    if len(way) > 1 and np.ptp(way, axis=0).max() > 0:
        world.add_line_segments("/camera/way", np.stack([way[:-1], way[1:]], axis=1), (230, 120, 30), line_width=3)
    moving = world.add_camera_frustum(
        "/camera/now", *lens(start), scale=0.05 * span, color=(230, 120, 30), **line, **pose(start)
    )

    def frame(time: float) -> None:
        camera = path.at(time)
        moving.fov = lens(camera)[0]
        for name, value in pose(camera).items():
            setattr(moving, name, value)

    return frame
