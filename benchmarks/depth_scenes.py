"""Twenty-four scenes whose depth is known exactly, four of each kind, and the photo whose depth was measured.

Streets, parks, rooms, corridors, tables and workshops. What is random (places, sizes, colours, lens, height, pitch,
roll) comes from the number of the scene, so the same number is the same picture everywhere. A table's top is the
ground of its scene.
"""

from __future__ import annotations

import numpy as np

from benchmarks.depth_render import SIZE, Ball, Block, DepthScene, Look, Post, World, render
from physim.camera import Camera

KINDS = ("street", "park", "room", "corridor", "table", "workshop")
PER_KIND = 4
MOTORCYCLE = "motorcycle"


def names() -> list[str]:
    """Of the rendered scenes."""
    return [f"{kind}_{number}" for kind in KINDS for number in range(PER_KIND)]


def scene(name: str) -> DepthScene:
    """A scene by its name, for example ``street_2``; ``motorcycle`` is the photo."""
    if name == MOTORCYCLE:
        return motorcycle()
    kind, number = name.rsplit("_", 1)
    seed = 100 * KINDS.index(kind) + int(number)
    return render(name, _BUILDERS[kind](np.random.default_rng(seed)), seed)


def motorcycle() -> DepthScene:
    """The left picture of Middlebury 2014 'Motorcycle' as scikit-image carries it; truth by structured light.

    z = focal x baseline / (disparity + difference of the principal points), with the numbers of its documentation. The
    ground is what lies within 30 mm of the plane that :func:`physim.ground_fit.ground_plane` fits to its floor to 4 mm.
    """
    from skimage import data

    left, _, disparity = data.stereo_motorcycle()
    known = np.isfinite(disparity)
    depth = np.where(known, 994.978 * 0.193001 / (np.where(known, disparity, 1.0) + 31.086), np.nan)
    size = depth.shape
    pose = Camera.looking(size, pitch_deg=14.94, roll_deg=-0.41, height=1.082).world_from_camera
    camera = Camera(994.978, (311.193, 254.877), size, pose)
    height = camera.unproject(camera.pixel_grid(), np.where(known, depth, 1.0))[..., 1]
    ground = known & (np.abs(height) < 0.03)
    return DepthScene(MOTORCYCLE, (left / 255.0).astype(np.float32), depth, ground, camera)


def _camera(rng: np.random.Generator, fov, pitch, height, roll: float = 1.0) -> Camera:
    return Camera.looking(
        SIZE,
        fov_deg=rng.uniform(*fov),
        pitch_deg=rng.uniform(*pitch),
        roll_deg=rng.normal(0, roll),
        height=rng.uniform(*height),
    )


def _colour(rng: np.random.Generator, low: float = 0.08, high: float = 0.7, strength: float = 0.4) -> tuple:
    """A random albedo, more or less grey."""
    grey = rng.uniform(low, high)
    return tuple(np.clip(grey * (1 + strength * rng.uniform(-1, 1, 3)), 0.03, 0.85))


def _sun(rng: np.random.Generator) -> tuple[float, float, float]:
    turn = rng.uniform(0, 2 * np.pi)
    return float(np.cos(turn)), rng.uniform(0.6, 1.8), float(np.sin(turn))


def _free(rng: np.random.Generator, taken: list, radius: float, x, z) -> tuple[float, float] | None:
    """A place (x, z) at which a thing of this radius touches none of those taken, which it joins."""
    for _ in range(40):
        place = rng.uniform(*x), -rng.uniform(*z)
        if all(np.hypot(place[0] - a, place[1] - b) > radius + r for a, b, r in taken):
            taken.append((*place, radius))
            return place
    return None


def _street(rng: np.random.Generator) -> World:
    road, walk = rng.uniform(2.8, 4.5), rng.uniform(1.5, 3.0)
    things: list = []
    for side in (-1, 1):
        z = 2.0
        things.append(
            Block((side * (road + walk / 2), 0, -60), (walk, 0.12, 140), Look(_colour(rng, 0.3, 0.5, 0.1), "tiles", 2))
        )
        while z < 90:
            length, depth, height = rng.uniform(7, 16), 10.0, rng.uniform(4, 14)
            look = Look(_colour(rng, 0.15, 0.6), str(rng.choice(["brick", "facade", "plaster"])), rng.uniform(3, 7))
            x = side * (road + walk + depth / 2 + rng.uniform(0, 0.6))
            things.append(Block((x, 0, -(z + length / 2)), (depth, height, length), look))
            z += length + (rng.uniform(3, 9) if rng.random() < 0.35 else 0)
    for _ in range(rng.integers(3, 7)):
        side, z = rng.choice([-1, 1]), rng.uniform(6, 40)
        x, paint = side * (road - 1.0), Look(_colour(rng, 0.05, 0.6, 0.7), "plain")
        things.append(Block((x, 0.25, -z), (1.75, 0.65, 4.3), paint))
        things.append(Block((x, 0.9, -z - 0.2), (1.5, 0.55, 2.2), Look((0.06, 0.07, 0.08), "plain")))
    for _ in range(rng.integers(2, 5)):
        x, z = rng.choice([-1, 1]) * (road + 0.5), rng.uniform(5, 35)
        things.append(Post((x, 0, -z), 0.09, rng.uniform(3, 6), Look((0.15, 0.15, 0.15), "plain")))
    camera = _camera(rng, (55, 80), (-2, 4), (1.3, 1.8))
    return World(things, camera, Look((0.16, 0.16, 0.17), "asphalt", 1.5), _sun(rng))


def _park(rng: np.random.Generator) -> World:
    things: list = []
    taken: list = [(0.0, 0.0, 2.5)]
    far = rng.uniform(40, 120)
    things.append(Block((0, 0, -far - 5), (900, rng.uniform(6, 20), 10), Look((0.07, 0.14, 0.05), "foliage", 12)))
    for _ in range(rng.integers(6, 14)):
        place = _free(rng, taken, 1.5, (-20, 20), (5, 45))
        if place is None:
            continue
        x, z = place
        trunk, crown = rng.uniform(1.5, 3.5), rng.uniform(1.2, 2.6)
        things.append(Post((x, 0, z), rng.uniform(0.12, 0.3), trunk + 0.5, Look((0.14, 0.09, 0.05), "foliage", 0.6)))
        things.append(Ball((x, trunk + crown, z), crown, Look(_green(rng), "foliage", 2.0)))
    for _ in range(rng.integers(3, 8)):
        place = _free(rng, taken, 0.9, (-6, 6), (3.5, 15))
        if place is not None:
            things.append(_lump(rng, place, rng.uniform(0.3, 0.9)))
    camera = _camera(rng, (50, 75), (-1, 7), (1.2, 1.8))
    return World(things, camera, Look(_green(rng), "grass", 1.2), _sun(rng))


def _green(rng: np.random.Generator) -> tuple[float, float, float]:
    green = rng.uniform(0.12, 0.3)
    return green * rng.uniform(0.5, 0.8), green, green * rng.uniform(0.25, 0.5)


def _lump(rng: np.random.Generator, place: tuple[float, float], size: float) -> Block | Ball | Post:
    """A box, a ball or a cylinder that stands at (x, z)."""
    x, z = place
    look = Look(
        _colour(rng, 0.08, 0.7, 0.9), str(rng.choice(["plaster", "plain", "stripes", "planks"])), 0.7 * size + 0.1
    )
    kind = rng.integers(3)
    if kind == 0:
        return Block((x, 0, z), tuple(size * rng.uniform(0.6, 1.4, 3)), look, rng.uniform(-45, 45))
    if kind == 1:
        return Ball((x, 0.6 * size, z), 0.6 * size, look)
    return Post((x, 0, z), size * rng.uniform(0.3, 0.5), size * rng.uniform(0.8, 1.8), look)


def _interior(rng: np.random.Generator, width: float, length: float, height: float, yaw: float, floor: str) -> Block:
    walls = Look(
        _colour(rng, 0.4, 0.75, 0.2), str(rng.choice(["plaster", "stripes", "brick"])), rng.uniform(1.5, 3), 0.8
    )
    looks = (
        Look(_colour(rng, 0.15, 0.45, 0.3), floor, rng.uniform(0.8, 1.6)),
        Look(_colour(rng, 0.6, 0.8, 0.05), "plaster", 2.0),
    )
    ahead = np.array([-np.sin(np.radians(yaw)), -np.cos(np.radians(yaw))]) * (0.5 * length - rng.uniform(0.3, 0.8))
    base = (ahead[0] + rng.uniform(-0.2, 0.2) * width, 0.0, ahead[1])
    return Block(base, (width, height, length), walls, yaw, inside=True, looks=looks)


def _room(rng: np.random.Generator) -> World:
    width, length, height = rng.uniform(3.5, 6), rng.uniform(4, 7), rng.uniform(2.4, 3.0)
    yaw = rng.uniform(-22, 22)
    room = _interior(rng, width, length, height, yaw, str(rng.choice(["planks", "tiles"])))
    turn = np.radians(yaw)

    def at(along: float, across: float) -> tuple[float, float]:
        c, s = np.cos(turn), np.sin(turn)
        return room.base[0] + c * across + s * along, room.base[2] - s * across + c * along

    things: list = [room]
    for side in (-1, 1):  # furniture along the walls
        for along in (-0.3, 0.05):
            if rng.random() < 0.8:
                size = (rng.uniform(0.4, 0.8), rng.uniform(0.5, 2.0), rng.uniform(0.6, 1.4))
                x, z = at(along * length, side * (width / 2 - size[0] / 2 - 0.02))
                things.append(
                    Block((x, 0, z), size, Look(_colour(rng), str(rng.choice(["planks", "plain"])), 1.0), yaw)
                )
    size = (rng.uniform(0.8, 1.8), rng.uniform(0.4, 1.0), rng.uniform(0.4, 0.8))
    x, z = at(-length / 2 + size[2] / 2 + 0.02, rng.uniform(-0.2, 0.2) * width)
    things.append(Block((x, 0, z), size, Look(_colour(rng), "plain"), yaw))
    taken: list = [(0.0, 0.0, 1.6)]
    for _ in range(rng.integers(2, 5)):
        place = _free(rng, taken, 0.4, (-1.2, 1.2), (1.8, max(2.2, length - 2.2)))
        if place is not None:
            things.append(_lump(rng, place, rng.uniform(0.25, 0.55)))
    camera = _camera(rng, (50, 72), (3, 15), (1.1, 1.65))
    return World(things, camera, None, (0.3, 1.2, 0.5), 0.75, None)


def _corridor(rng: np.random.Generator) -> World:
    width, length, height = rng.uniform(1.8, 3.2), rng.uniform(10, 25), rng.uniform(2.3, 3.2)
    yaw = rng.uniform(-6, 6)
    things: list = [_interior(rng, width, length, height, yaw, "tiles")]
    things[0] = Block((0.0, 0, things[0].base[2]), things[0].size, things[0].look, yaw, True, things[0].looks)
    for z in np.arange(3, length - 2, rng.uniform(2.5, 4)):
        side = rng.choice([-1, 1])
        x = -z * np.tan(np.radians(yaw)) + side * (width / 2)
        door = Look(_colour(rng, 0.1, 0.4), "planks", 1.2)
        things.append(Block((x, 0, -z), (0.12, 2.0, 0.9), door, yaw))
    taken: list = [(0.0, 0.0, 2.0)]
    for _ in range(rng.integers(1, 4)):
        place = _free(rng, taken, 0.35, (-width / 2 + 0.4, width / 2 - 0.4), (2.5, 8))
        if place is not None:
            things.append(_lump(rng, place, rng.uniform(0.25, 0.5)))
    camera = _camera(rng, (55, 75), (0, 10), (1.2, 1.7))
    return World(things, camera, None, (0.3, 1.5, 0.4), 0.75, None)


def _table(rng: np.random.Generator) -> World:
    reach, width = rng.uniform(0.9, 1.5), rng.uniform(1.2, 2.2)
    back = reach + rng.uniform(0.2, 1.5)
    wood = Look(_colour(rng, 0.15, 0.5, 0.4), str(rng.choice(["planks", "plaster", "plain"])), 0.8)
    things: list = [
        Block((0, -0.04, -reach / 2 + 0.25), (width, 0.04, reach + 0.5), wood),
        Block(
            (0, -0.74, -back - 1),
            (12, 3.5, 2),
            Look(_colour(rng, 0.3, 0.7, 0.3), str(rng.choice(["plaster", "stripes"])), 1.5),
        ),
    ]
    taken: list = []
    for _ in range(rng.integers(5, 11)):
        place = _free(rng, taken, 0.09, (-0.45, 0.45), (0.35, reach - 0.08))
        if place is not None:
            things.append(_lump(rng, place, rng.uniform(0.07, 0.16)))
    camera = _camera(rng, (40, 65), (18, 42), (0.3, 0.6))
    below = Block((0, -0.76, 0), (40, 0.02, 40), Look(_colour(rng, 0.15, 0.4, 0.2), "tiles", 1.0))
    return World([*things, below], camera, None, (0.5, 1.4, 0.6), 0.6, (0.3, 0.3, 0.3))


def _workshop(rng: np.random.Generator) -> World:
    back = rng.uniform(4, 9)
    wall = Look(_colour(rng, 0.25, 0.65, 0.2), str(rng.choice(["brick", "plaster", "facade"])), rng.uniform(2, 4))
    things: list = [Block((0, 0, -back - 1), (60, 8, 2), wall, rng.uniform(-12, 12))]
    taken: list = [(0.0, 0.0, 1.7)]
    for _ in range(rng.integers(6, 12)):
        size = rng.uniform(0.4, 1.1)
        place = _free(rng, taken, 0.65 * size, (-2.5, 2.5), (2.2, back - 0.7))
        if place is not None:
            things.append(_lump(rng, place, size))
    for _ in range(rng.integers(1, 4)):  # crates against the wall
        size = rng.uniform(0.5, 1.6, 3)
        things.append(
            Block((rng.uniform(-4, 4), 0, -back + size[2] / 2 + 0.3), tuple(size), Look(_colour(rng), "planks", 1.0))
        )
    camera = _camera(rng, (40, 65), (4, 16), (0.9, 1.6))
    return World(
        things,
        camera,
        Look(_colour(rng, 0.2, 0.45, 0.15), str(rng.choice(["gravel", "asphalt", "tiles"])), 1.2),
        _sun(rng),
        0.6,
    )


_BUILDERS = {
    "street": _street,
    "park": _park,
    "room": _room,
    "corridor": _corridor,
    "table": _table,
    "workshop": _workshop,
}
