"""Mirror images of bodies in a lake: the ray from the eye is reflected by the wavy surface and meets a body or not.

A pixel of water shows already what its mirrored ray meets in the photo. Where that ray meets a body first, it shows the
body's light times the reflected share R (Fresnel) instead, beside the light that comes from within the water. Law of
reflection: r = d - 2 (d . n) n.
"""

import warp as wp

from physim_kernels.liquid_shade import fresnel

wp.set_module_options({"enable_backward": False})


@wp.struct
class Eye:
    position: wp.vec3
    rotation: wp.mat33
    """World from camera."""
    lens: wp.vec4
    """f_u, f_v, c_u, c_v [pixels of the view]"""
    level: float
    """Of the water [m]."""
    index: float
    """Refractive index of the water [-]."""


@wp.struct
class Body:
    mesh: wp.uint64
    world_from_body: wp.mat44
    body_from_world: wp.mat44
    centre: wp.vec3
    radius: float
    colour: wp.vec3


@wp.struct
class Lighting:
    towards: wp.vec3
    key: wp.vec3
    ambient: wp.vec3


@wp.kernel
def mirror_kernel(
    normal: wp.array2d(dtype=wp.vec3), water: wp.array2d(dtype=float), eye: Eye, body: Body, light: Lighting,
    corner_u: int, corner_v: int, weight: float,
    # in and out
    image: wp.array2d(dtype=wp.vec4),
):  # fmt: skip
    j, i = wp.tid()
    v = corner_v + j
    u = corner_u + i
    if water[v, u] <= 0.0:
        return
    n = wp.normalize(normal[v, u])
    total = wp.vec4(0.0, 0.0, 0.0, 0.0)
    for tap in range(4):
        x = float(u) + 0.25 + 0.5 * float(tap & 1)
        y = float(v) + 0.25 + 0.5 * float(tap >> 1)
        ray = eye.rotation * wp.vec3((x - eye.lens[2]) / eye.lens[0], (y - eye.lens[3]) / eye.lens[1], 1.0)
        if ray[1] < -1.0e-5:
            depth = (eye.level - eye.position[1]) / ray[1]
            place = eye.position + depth * ray
            d = wp.normalize(ray)
            r = d - 2.0 * wp.dot(d, n) * n
            r = wp.normalize(wp.vec3(r[0], wp.max(r[1], 1.0e-3), r[2]))
            away = body.centre - place
            along = wp.dot(away, r)
            if along > -body.radius and wp.length_sq(away) - along * along < body.radius * body.radius:
                start = wp.transform_point(body.body_from_world, place)
                way = wp.transform_vector(body.body_from_world, r)
                hit = wp.mesh_query_ray(body.mesh, start, way, along + 2.0 * body.radius)
                if hit.result:
                    m = wp.normalize(wp.transform_vector(body.world_from_body, hit.normal))
                    m = wp.where(wp.dot(m, r) > 0.0, -m, m)
                    direct = wp.max(wp.dot(m, light.towards), 0.0)
                    lit = direct * light.key + (0.75 + 0.25 * m[1]) * light.ambient
                    c = fresnel(-wp.dot(d, n), eye.index) * wp.cw_mul(body.colour, lit)
                    total += 0.25 * wp.vec4(c[0], c[1], c[2], 1.0)
    image[v, u] = image[v, u] + weight * water[v, u] * total


def mirror(normal, water, eye, body, light, *, window, weight, image):
    """Add a body's mirror image.

    Args:
        normal: Of the water (rows, cols), world, vec3.
        water: 1 where water is seen, (rows, cols).
        eye: ``Eye``.
        body: ``Body``.
        light: ``Lighting``.
        window: (v0, v1, u0, u1) in which it may be seen.
        weight: Of this instant.
        image: In and out, (rows, cols) vec4: reflected light, linear, and the part of the pixel that mirrors the body.
    """
    v0, v1, u0, u1 = window
    if v1 > v0 and u1 > u0:
        inputs = [normal, water, eye, body, light, u0, v0, weight]
        wp.launch(mirror_kernel, dim=(v1 - v0, u1 - u0), inputs=inputs, outputs=[image], device=image.device)
