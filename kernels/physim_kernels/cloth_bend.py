"""Bending: forces of a quadratic plate energy, E = 1/2 sum_ij K_ij x_i . x_j, with a constant sparse matrix K.

Fabric bends without stretching to speak of, so that the second derivatives of the map from the flat fabric to space
are normal to the surface and their lengths are curvature and twist: the energy of a thin plate is a quadratic form in
the positions, the same for every pose. K is made once on the host, see ``physim/cloth_plate.py``. It is applied in
double precision: a fourth difference of positions has (mesh width / length)^3 of their digits.

Loss is that of a standard linear solid as in ``cloth_membrane.py``, on curvature rates along the normal (a turning
sheet has none): a memory m of curvature per vertex, dm/dt = share dkappa/dt - m / time, and the moments D m.
"""

import warp as wp

from physim_kernels.cloth_data import Cloths

wp.set_module_options({"enable_backward": False})


@wp.struct
class Bending:
    # per vertex: row of K
    vertex: wp.array(dtype=int)  # those that K is for
    first: wp.array(dtype=int)  # and the end
    column: wp.array(dtype=int)  # a vertex, or a direction (numbers from vertex_total on)
    entry: wp.array(dtype=wp.float64)  # [N/m]; [N] for directions
    # per vertex: curvature of its neighbourhood, and the transpose
    patch_first: wp.array(dtype=int)  # and the end
    patch_column: wp.array(dtype=int)
    patch: wp.array(dtype=wp.vec3)  # weights of uu, vv, uv [1/m^2]
    back_first: wp.array(dtype=int)
    back_column: wp.array(dtype=int)
    back: wp.array(dtype=wp.vec3)
    normal_first: wp.array(dtype=int)  # per vertex: its triangles, and the end
    normal_triangle: wp.array(dtype=int)
    rigidity: wp.array(dtype=wp.vec4)  # per vertex: area x (D11, D22, D12, 4 D66) [N m^3]
    loss: wp.array(dtype=wp.vec2)  # per vertex: share; decay in one bending step
    memory: wp.array(dtype=wp.vec3)  # per vertex [1/m]
    moment: wp.array(dtype=wp.vec3)  # per vertex [N m^2]
    normal: wp.array(dtype=wp.vec3)
    count: int


@wp.kernel
def bend_kernel(cloths: Cloths, bending: Bending, dt: float, lossy: int):
    i = bending.vertex[wp.tid()]
    here = wp.vec3d(cloths.x[i]) + wp.vec3d(cloths.x_lo[i])
    sum = wp.vec3d()
    for k in range(bending.first[i], bending.first[i + 1]):
        j = bending.column[k]
        p = wp.vec3d(cloths.x[j]) + wp.vec3d(cloths.x_lo[j])
        if j < cloths.vertex_total:
            p = p - here
        sum += bending.entry[k] * p
    f = -wp.vec3(sum)
    if lossy == 1:
        for k in range(bending.back_first[i], bending.back_first[i + 1]):
            j = bending.back_column[k]
            f -= wp.dot(bending.back[k], bending.moment[j]) * bending.normal[j]
    inverse = cloths.inv_mass[i]
    if inverse > 0.0:
        cloths.v[i] = cloths.v[i] + dt * inverse * f
    else:
        cloths.pull[i] = cloths.pull[i] + dt * f


@wp.kernel
def loss_kernel(cloths: Cloths, bending: Bending, dt: float):
    i = bending.vertex[wp.tid()]
    n = wp.vec3(0.0, 0.0, 0.0)
    for k in range(bending.normal_first[i], bending.normal_first[i + 1]):
        c = cloths.faces[bending.normal_triangle[k]]
        n += wp.cross(cloths.x[c[1]] - cloths.x[c[0]], cloths.x[c[2]] - cloths.x[c[0]])
    n = wp.normalize(n)
    rate = wp.vec3(0.0, 0.0, 0.0)
    v = cloths.v[i]
    for k in range(bending.patch_first[i], bending.patch_first[i + 1]):
        rate += wp.dot(cloths.v[bending.patch_column[k]] - v, n) * bending.patch[k]
    loss = bending.loss[i]
    memory = (bending.memory[i] + (loss[0] * dt) * rate) * loss[1]
    bending.memory[i] = memory
    bending.normal[i] = n
    d = bending.rigidity[i]
    bending.moment[i] = wp.vec3(
        d[0] * memory[0] + d[2] * memory[1], d[1] * memory[1] + d[2] * memory[0], d[3] * memory[2]
    )


def bend(cloths: Cloths, bending: Bending, *, dt, lossy, device):
    """Change the velocities by ``dt`` [s] of bending."""
    if lossy:
        wp.launch(loss_kernel, dim=bending.count, inputs=[cloths, bending, dt], device=device)
    wp.launch(bend_kernel, dim=bending.count, inputs=[cloths, bending, dt, int(lossy)], device=device)
