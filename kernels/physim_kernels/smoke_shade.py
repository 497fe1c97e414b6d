"""Light that solid things keep from smoke: which of a block's rays towards the light meet a triangle.

Each block of cells sends ``RAYS`` rays, from the corners of a cube half its size and spread over the light's disc. A
mask of bits remembers those that are free, so that several things in a row take no ray twice.

Grids as in ``march``, of blocks of (2 x 2 x 2) cells.
"""

import warp as wp

wp.set_module_options({"enable_backward": False})

RAYS = wp.constant(8)
ALL = 255
"""Mask with all rays free."""


@wp.kernel
def block_kernel(
    mesh: wp.uint64, body_from_world: wp.mat44, origin: wp.vec3, side: float, towards: wp.vec3, across: wp.vec3,
    upward: wp.vec3, spread: float, reach: float,
    # in and out
    free: wp.array3d(dtype=int),
):  # fmt: skip
    i, j, k = wp.tid()
    mask = free[i, j, k]
    if mask == 0:
        return
    middle = origin + side * wp.vec3(float(i) + 0.5, float(j) + 0.5, float(k) + 0.5)
    for n in range(RAYS):
        bit = 1 << n
        if (mask & bit) != 0:
            place = wp.vec3(float(n & 1) - 0.5, float((n >> 1) & 1) - 0.5, float(n >> 2) - 0.5)
            turn = 2.3999632 * float(n)  # golden angle: even over the disc
            ring = spread * wp.sqrt((float(n) + 0.5) / float(RAYS))
            way = wp.normalize(towards + ring * (wp.cos(turn) * across + wp.sin(turn) * upward))
            start = wp.transform_point(body_from_world, middle + 0.5 * side * place)
            hit = wp.mesh_query_ray(mesh, start, wp.transform_vector(body_from_world, way), reach)
            if hit.result:
                mask = mask & (ALL - bit)
    free[i, j, k] = mask


@wp.kernel
def share_kernel(
    free: wp.array3d(dtype=int),
    # outputs
    share_out: wp.array3d(dtype=wp.float32),
):
    i, j, k = wp.tid()
    count = int(0)
    for n in range(RAYS):
        count += (free[i, j, k] >> n) & 1
    share_out[i, j, k] = float(count) / float(RAYS)


def block(mesh, body_from_world, origin, side, light, *, spread, reach, free):
    """Take away the rays of blocks that meet one thing.

    Args:
        mesh: Its triangles in its own frame, ``wp.Mesh``.
        body_from_world: mat44, rigid.
        origin: Of the grid [m], vec3.
        side: Of a block [m].
        light: Unit vectors (vec3): to the light, and two across it.
        spread: Tangent of the light's angular radius.
        reach: Length of a ray [m].
        free: Masks of the blocks, in and out, int.
    """
    inputs = [mesh.id, body_from_world, origin, side, *light, spread, reach]
    wp.launch(block_kernel, dim=free.shape, inputs=inputs, outputs=[free], device=free.device)


def share(free, *, share_out):
    """Part of the light's rays that are free, [0, 1]."""
    wp.launch(share_kernel, dim=free.shape, inputs=[free], outputs=[share_out], device=free.device)
