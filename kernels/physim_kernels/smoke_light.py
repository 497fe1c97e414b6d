"""Light that smoke takes from what lies behind it, and light that hot smoke sends out by itself.

Shadow: a surface point sees the distant light through exp(-tau), tau the optical depth of the way to the light.

Glow: soot that absorbs also emits (Kirchhoff). Along a view ray with absorption sigma_a = (1 - albedo) sigma and the
radiance B of a black body,

    dL = T (sigma_a B(temperature) + albedo sigma S) ds,       dT = -sigma T ds,

S the light of flames nearby that reaches the sample (``fire_light``).

Grids, rays and units as in ``smoke_ray``.
"""

import warp as wp

from physim_kernels.march import EMPTY
from physim_kernels.smoke_ray import (
    View,
    Volume,
    cell_about,
    eroded,
    in_cell,
    layer_of,
    ray_through,
    seen_point,
    thickness_towards,
    trilinear,
)

wp.set_module_options({"enable_backward": False})


@wp.kernel
def shadow_kernel(
    volume: Volume,
    view: View,
    pooled: wp.array3d(dtype=wp.float32),
    towards: wp.vec3,
    surface: wp.array2d(dtype=wp.float32),
    limit: wp.float32,
    # outputs
    depth_out: wp.array2d(dtype=wp.float32),
):
    v, u = wp.tid()
    z = surface[v, u]
    thick = wp.float32(0.0)
    if z < limit:
        thick = thickness_towards(volume, pooled, seen_point(view, u, v, z), towards, wp.inf)
    depth_out[v, u] = thick


@wp.kernel
def glow_kernel(
    volume: Volume,
    view: View,
    heat: wp.array3d(dtype=wp.float32),
    ambient: wp.float32,
    table: wp.array(dtype=wp.vec3),
    table_start: wp.float32,
    table_step: wp.float32,
    absorbing: wp.vec3,
    lamps: wp.array3d(dtype=wp.vec3),
    lamp_block: wp.float32,
    albedo: wp.vec3,
    surface: wp.array2d(dtype=wp.float32),
    stride: wp.float32,
    corner_u: wp.int32,
    corner_v: wp.int32,
    # outputs
    glow_out: wp.array2d(dtype=wp.vec4),
):
    j, i = wp.tid()
    v = corner_v + j
    u = corner_u + i
    ray = ray_through(volume, view, u, v, surface[v, u], stride)
    through = wp.float32(1.0)
    glow = wp.vec3(0.0, 0.0, 0.0)
    half = wp.vec3(0.5, 0.5, 0.5)
    shape = wp.vec3i(volume.density.shape[0], volume.density.shape[1], volume.density.shape[2])
    for n in range(ray.first, ray.end):
        layer = layer_of(ray, n)
        dz = layer[1]
        x = view.position + ray.along * layer[0]
        g = (x - volume.origin) / volume.cell
        cell = cell_about(shape, g - half)
        d = in_cell(volume.density, cell)
        if d > EMPTY:
            if volume.detail > 0.0:
                d = eroded(volume, d, x, cell)
            weight = through * (1.0 - wp.exp(-volume.extinction * d * dz * ray.length))
            through -= weight
            if table.shape[0] > 0:
                place = (ambient + trilinear(heat, g - half) - table_start) / table_step
                if place > 0.0:
                    place = wp.min(place, wp.float32(table.shape[0]) - 1.001)
                    k = wp.int32(place)
                    own = wp.lerp(table[k], table[k + 1], place - wp.float32(k))
                    glow += weight * wp.cw_mul(own, absorbing)
            if lamps.shape[0] > 0:
                glow += weight * wp.cw_mul(trilinear(lamps, g / lamp_block - half), albedo)
            if through < 0.003:
                break
    glow_out[j, i] = wp.vec4(glow[0], glow[1], glow[2], 1.0 - through)


def shadow(volume, view, pooled, towards, surface, *, limit, depth_out):
    """Optical depth between what a picture shows and a distant light.

    Args:
        volume: ``smoke_ray.Volume``.
        view: ``smoke_ray.View`` of the picture.
        pooled: Density of (2 x 2 x 2) blocks of cells.
        towards: Unit vector to the light, world, vec3.
        surface: z of what is seen [m], (rows, cols).
        limit: Surfaces farther than this are the sky [m].
        depth_out: Output (rows, cols), 0 where nothing is in the way.
    """
    inputs = [volume, view, pooled, towards, surface, limit]
    wp.launch(shadow_kernel, dim=depth_out.shape, inputs=inputs, outputs=[depth_out], device=depth_out.device)


def glow(volume, view, heat, table, lamps, surface, *, ambient, table_start, table_step, absorbing, lamp_block, albedo,
         stride, corner, glow_out):  # fmt: skip
    """Light that the smoke itself sends to the camera, and what it scatters of flames, in a crop of the picture.

    Args:
        volume: ``smoke_ray.Volume``.
        view: ``smoke_ray.View``.
        heat: Temperature over ``ambient`` [K] on the grid.
        table: Radiance of a black body per colour, in equal steps of temperature; below its start there is none.
            Empty: it is not hot.
        lamps: Light of flames that smoke of albedo 1 sends to every side, vec3 on blocks of cells. Empty: none.
        surface: z of what hides the smoke behind it [m], the whole picture.
        ambient: [K]
        table_start: [K]
        table_step: [K]
        absorbing: Share of the extinction that is absorption, per colour, vec3.
        lamp_block: Cells along the side of a block of ``lamps``.
        albedo: Per colour, vec3.
        stride: Longest step [cells].
        corner: (u, v) of the crop.
        glow_out: Output vec4 (red, green, blue, opacity), linear.
    """
    wp.launch(
        glow_kernel,
        dim=glow_out.shape,
        inputs=[
            volume,
            view,
            heat,
            ambient,
            table,
            table_start,
            table_step,
            absorbing,
            lamps,
            lamp_block,
            albedo,
            surface,
            stride,
            *corner,
        ],
        outputs=[glow_out],
        device=glow_out.device,
    )
