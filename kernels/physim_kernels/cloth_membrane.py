"""Membrane of any triangulation: stretch along warp and weft, and shear, from the fabric's moduli.

In a triangle with rest plane coordinates (u, v) the map to space has constant columns w_u = dx/du, w_v = dx/dv. With

    eps = (|w_u| - 1, |w_v| - 1, w_u . w_v),   energy = area/2 (Q11 e1^2 + Q22 e2^2 + 2 Q12 e1 e2 + G e3^2)

(Baraff & Witkin, "Large steps in cloth simulation", SIGGRAPH 1998, section 4, with moduli instead of constants) the
stresses are P_u = dE/dw_u, P_v = dE/dw_v and vertex a feels -(du_a P_u + dv_a P_v), du_a and dv_a the derivatives of
its hat function. Loss is that of a standard linear solid: eps + m instead of eps, where the memory m follows
dm/dt = ``share`` d eps/dt - m / time. At low frequency this is the Kelvin-Voigt stress of viscosity share x time; at
high frequency it stiffens by 1 + share and stays within the step's stability bound, which Kelvin-Voigt would not.
"""

import warp as wp

from physim_kernels.cloth_data import Cloths

wp.set_module_options({"enable_backward": False})


@wp.struct
class Membrane:
    # per triangle
    corners: wp.array(dtype=wp.vec3i)
    inverse: wp.array(dtype=wp.mat22)  # of the matrix with columns p1 - p0, p2 - p0 of the rest shape [1/m]
    area: wp.array(dtype=float)  # [m^2]
    moduli: wp.array(dtype=wp.vec4)  # Q11, Q22, Q12, G [N/m]
    loss: wp.array(dtype=wp.vec2)  # share of the memory; its decay in one step, exp(-dt / time)
    strain: wp.array(dtype=wp.vec3)  # of the last step
    memory: wp.array(dtype=wp.vec3)
    stress_u: wp.array(dtype=wp.vec3)  # area x P_u [N m]
    stress_v: wp.array(dtype=wp.vec3)
    # per vertex: its triangles
    first: wp.array(dtype=int)  # and the end
    triangle: wp.array(dtype=int)
    slope: wp.array(dtype=wp.vec2)  # du, dv of the vertex' hat function there [1/m]
    count: int  # of triangles


@wp.func
def fabric_stress(moduli: wp.vec4, e: wp.vec3):
    """Stresses conjugate to the three strains [N/m]."""
    return wp.vec3(
        moduli[0] * e[0] + moduli[2] * e[1], moduli[1] * e[1] + moduli[2] * e[0], moduli[3] * e[2]
    )  # fmt: skip


@wp.kernel
def stress_kernel(cloths: Cloths, membrane: Membrane):
    t = wp.tid()
    c = membrane.corners[t]
    a = (cloths.x[c[1]] - cloths.x[c[0]]) + (cloths.x_lo[c[1]] - cloths.x_lo[c[0]])
    b = (cloths.x[c[2]] - cloths.x[c[0]]) + (cloths.x_lo[c[2]] - cloths.x_lo[c[0]])
    m = membrane.inverse[t]
    wu = a * m[0, 0] + b * m[1, 0]
    wv = a * m[0, 1] + b * m[1, 1]
    lu = wp.length(wu)
    lv = wp.length(wv)
    strain = wp.vec3(lu - 1.0, lv - 1.0, wp.dot(wu, wv))
    loss = membrane.loss[t]
    memory = (membrane.memory[t] + loss[0] * (strain - membrane.strain[t])) * loss[1]
    membrane.memory[t] = memory
    membrane.strain[t] = strain
    s = membrane.area[t] * fabric_stress(membrane.moduli[t], strain + memory)
    membrane.stress_u[t] = (s[0] / wp.max(lu, 1.0e-9)) * wu + s[2] * wv
    membrane.stress_v[t] = (s[1] / wp.max(lv, 1.0e-9)) * wv + s[2] * wu


@wp.kernel
def gather_kernel(cloths: Cloths, membrane: Membrane):
    i = wp.tid()
    f = wp.vec3(0.0, 0.0, 0.0)
    for k in range(membrane.first[i], membrane.first[i + 1]):
        t = membrane.triangle[k]
        s = membrane.slope[k]
        f -= s[0] * membrane.stress_u[t] + s[1] * membrane.stress_v[t]
    cloths.force[i] = f


def stretch(cloths: Cloths, membrane: Membrane, *, device):
    """Write ``cloths.force`` of all vertices: zero where no triangle of the membrane is."""
    wp.launch(stress_kernel, dim=membrane.count, inputs=[cloths, membrane], device=device)
    wp.launch(gather_kernel, dim=cloths.vertex_total, inputs=[cloths, membrane], device=device)
