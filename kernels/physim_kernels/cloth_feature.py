"""Points and edges of colliders, each with a radius: what may poke between the vertices of a cloth."""

import warp as wp

from physim_kernels.rigid_data import CAPSULE, SPHERE, Geometry

wp.set_module_options({"enable_backward": False})


@wp.func
def core_point(g: Geometry, c: int, feature: int):
    """Point of a collider, its own frame: centre of a sphere, end of a capsule's core, corner of a hull.

    The last of a hull is its middle: however fast a small thing tumbles, the ball inside it keeps its place.
    """
    if g.kind[c] == SPHERE:
        return wp.vec3(0.0, 0.0, 0.0)
    if g.kind[c] == CAPSULE:
        return wp.vec3(0.0, wp.where(feature == 0, -g.half[c], g.half[c]), 0.0)
    if feature == g.vertex_count[c]:
        return wp.vec3(0.0, 0.0, 0.0)
    return g.vertices[g.vertex_start[c] + feature]


@wp.func
def core_radius(g: Geometry, c: int, feature: int):
    """0 for corners; that of the ball about the middle of a hull."""
    if g.kind[c] == SPHERE or g.kind[c] == CAPSULE:
        return g.radius[c]
    if feature < g.vertex_count[c]:
        return 0.0
    inside = float(1.0e30)
    for f in range(g.face_start[c], g.face_start[c] + g.face_count[c]):
        inside = wp.min(inside, g.face_offset[f])
    return wp.max(inside, 1.0e-6)


@wp.func
def bar_radius(g: Geometry, c: int):
    return wp.where(g.kind[c] == CAPSULE, g.radius[c], 0.0)


@wp.func
def bar_ends(g: Geometry, c: int, feature: int):
    """Edge of a hull or core of a capsule, the collider's own frame."""
    if g.kind[c] == CAPSULE:
        return wp.vec3(0.0, -g.half[c], 0.0), wp.vec3(0.0, g.half[c], 0.0)
    e = g.edges[g.edge_start[c] + feature]
    return g.vertices[g.vertex_start[c] + e[0]], g.vertices[g.vertex_start[c] + e[1]]


@wp.func
def hull_beyond(g: Geometry, c: int, corner: wp.vec3, n: wp.vec3, slack: float):
    """Whether hull ``c`` lies behind the plane through its ``corner`` with normal ``n`` (its own frame).

    ``slack`` is relative to its size.
    """
    high = float(-1.0e30)
    for k in range(g.vertex_count[c]):
        high = wp.max(high, wp.dot(n, g.vertices[g.vertex_start[c] + k] - corner))
    return high < slack * g.bound[c]
