"""Contact rows on several vertices: cloth with itself, and cloth with features of colliders, solved one by one.

A row is a gap along a unit normal n between a point of cloth, sum w_i x_i, and a point of the same cloth (negative
weights) or of a body. Closest points are found anew in every substep, where the two will meet within it
(``cloth_place.py``); gaps follow from step to step. Rows with colliders are solved in every step of the cloth, those of
cloth with itself a few times in a substep; both are warm started.
"""

import warp as wp

from physim_kernels.cloth_body import (
    collider_body,
    open_speed,
    point_path,
    point_velocity,
    push_body,
    yielding,
    yielding_sideways,
)
from physim_kernels.cloth_place import place_bar_edge, place_core_face
from physim_kernels.cloth_place_itself import place_itself
from physim_kernels.cloth_row import BAR_EDGE, BATCH, CORE_FACE, LIVE, Live, Rows
from physim_kernels.cloth_tree import Sheets
from physim_kernels.rigid_data import Bodies, Geometry

wp.set_module_options({"enable_backward": False})


@wp.func
def arm_masses(q: wp.array(dtype=Live), at: int, s: Sheets):
    """Velocity per impulse of the cloth's side of a row [1/kg]."""
    i = q[at].vertices
    w = q[at].weights
    k = float(0.0)
    for j in range(4):
        k += w[j] * w[j] * s.inv_mass[i[j]]
    return k


@wp.func
def inverse(k: float):
    return wp.where(k > 1.0e-12, 1.0 / wp.max(k, 1.0e-12), 0.0)


@wp.func
def take_over(q: wp.array(dtype=Live), at: int, r: Rows, row: int):
    """Impulses and friction of a row that was placed at ``at``."""
    n = q[at].normal
    q[at].row = row
    q[at].collider = r.row[row].collider
    q[at].friction = r.row[row].friction
    q[at].pressure = r.row[row].pressure
    q[at].drag = r.row[row].drag - wp.dot(n, r.row[row].drag) * n


@wp.kernel
def begin_kernel(g: Geometry, bodies: Bodies, s: Sheets, r: Rows, h: float):
    """Place all rows for a substep of ``h`` [s]."""
    r.totals[1] = place_itself(s, r, h)
    hard = int(0)
    end = int(0)
    if r.batch[5 * BATCH] != 0:
        end = r.totals[0]
    for row in range(end):
        kind = r.row[row].kind
        if kind == CORE_FACE or kind == BAR_EDGE:
            live = int(0)
            if kind == CORE_FACE:
                live = place_core_face(g, bodies, s, r, row, hard, h)
            else:
                live = place_bar_edge(g, bodies, s, r, row, hard, h)
            r.row[row].live = live
            if live == LIVE:
                take_over(r.hard, hard, r, row)
                k = arm_masses(r.hard, hard, s)
                b = collider_body(g, r.row[row].collider)
                arm = r.hard[hard].arm
                n = r.hard[hard].normal
                r.hard[hard].normal_mass = inverse(k + yielding(bodies, b, arm, n))
                r.hard[hard].friction_mass = inverse(k + yielding_sideways(bodies, b, arm, n))
                hard += 1
            else:
                r.row[row].pressure = 0.0
                r.row[row].drag = wp.vec3(0.0, 0.0, 0.0)
    r.totals[2] = hard


# -- cloth with itself ---------------------------------------------------------------------------------------------


@wp.func_native(
    """
    const float* X = (const float*)s.x.data;
    const float* M = s.inv_mass.data;
    float* V = (float*)s.v.data;
    for (int k = 0; k < count; ++k) {
        auto& q = hot.data[k];
        if (settling && (q.pressure <= 0.0f || q.gap >= -1e-5f)) continue;
        float* v[4];
        float w[4], n[3], u[3] = {0.0f, 0.0f, 0.0f}, gap = -q.offset;
        for (int c = 0; c < 3; ++c) n[c] = q.normal[c];
        for (int j = 0; j < 4; ++j) {
            const float* x = X + 3 * q.vertices[j];
            v[j] = V + 3 * q.vertices[j];
            w[j] = q.weights[j];
            for (int c = 0; c < 3; ++c) { u[c] += w[j] * v[j][c]; gap += w[j] * x[c] * n[c]; }
        }
        const float un = u[0] * n[0] + u[1] * n[1] + u[2] * n[2], out = -RECOVERY * gap / h;
        const float target = settling ? 0.0f : gap > 0.0f ? -gap / dt : out < PUSH ? out : PUSH;
        // settling may take back what this round gave, no more
        const float most = settling ? -q.pressure : 0.0f, press = q.normal_mass * (target - un);
        q.pressure = press;
        if (press <= 0.0f && most == 0.0f) continue;
        const float given = press > 0.0f ? (settling ? 0.0f : press) : (press > most ? press : most);
        if (settling) {
            for (int j = 0; j < 4; ++j)
                for (int c = 0; c < 3; ++c) v[j][c] += w[j] * M[q.vertices[j]] * given * n[c];
            continue;
        }
        float slip[3], size = 0.0f;
        for (int c = 0; c < 3; ++c) { slip[c] = u[c] - un * n[c]; size += slip[c] * slip[c]; }
        const float full = q.friction_mass * sqrtf(size), limit = q.friction * given;
        const float rub = q.friction_mass * (full > limit ? limit / full : 1.0f);
        float p[3];
        for (int c = 0; c < 3; ++c) p[c] = given * n[c] - rub * slip[c];
        for (int j = 0; j < 4; ++j) {
            const float m = w[j] * M[q.vertices[j]];
            for (int c = 0; c < 3; ++c) v[j][c] += m * p[c];
        }
    }
    """.replace("RECOVERY", "0.2f").replace("PUSH", "0.5f")
)
def sweep(hot: wp.array(dtype=Live), s: Sheets, count: int, dt: float, h: float, settling: int): ...


@wp.kernel
def itself_kernel(s: Sheets, r: Rows, dt: float, h: float):
    """Warm start and one sweep over the rows of cloth with itself, for the next ``dt`` [s]."""
    sweep(r.hot, s, r.totals[1], dt, h, 0)


# -- cloth with colliders ------------------------------------------------------------------------------------------


@wp.func
def row_velocity(g: Geometry, bodies: Bodies, s: Sheets, r: Rows, k: int):
    i = r.hard[k].vertices
    w = r.hard[k].weights
    v = w[0] * s.v[i[0]] + w[1] * s.v[i[1]] + w[2] * s.v[i[2]] + w[3] * s.v[i[3]]
    return v - point_velocity(bodies, collider_body(g, r.hard[k].collider), r.hard[k].arm)


@wp.func
def row_gap(g: Geometry, bodies: Bodies, s: Sheets, r: Rows, k: int, time: float):
    """Gap of a row ``time`` [s] after the substep began [m]."""
    i = r.hard[k].vertices
    w = r.hard[k].weights
    x = w[0] * s.x[i[0]] + w[1] * s.x[i[1]] + w[2] * s.x[i[2]] + w[3] * s.x[i[3]]
    x = x - point_path(bodies, collider_body(g, r.hard[k].collider), r.hard[k].arm, time)
    return wp.dot(r.hard[k].normal, x) - r.hard[k].offset


@wp.func
def push_row(g: Geometry, bodies: Bodies, s: Sheets, r: Rows, k: int, impulse: wp.vec3, time: float):
    i = r.hard[k].vertices
    w = r.hard[k].weights
    for j in range(4):
        if w[j] != 0.0 and s.inv_mass[i[j]] > 0.0:
            s.v[i[j]] = s.v[i[j]] + (w[j] * s.inv_mass[i[j]]) * impulse
    push_body(bodies, collider_body(g, r.hard[k].collider), r.hard[k].arm, -impulse, time)


@wp.func
def solve_row(g: Geometry, bodies: Bodies, s: Sheets, r: Rows, k: int, target: float, time: float):
    """Normal impulse to a velocity of at least ``target`` along the normal, and friction."""
    n = r.hard[k].normal
    v = row_velocity(g, bodies, s, r, k)
    before = r.hard[k].pressure
    after = wp.max(before - r.hard[k].normal_mass * (wp.dot(n, v) - target), 0.0)
    if before > 0.0 or after > 0.0:
        old = r.hard[k].drag
        new = old - r.hard[k].friction_mass * (v - wp.dot(n, v) * n)
        size = wp.length(new)
        limit = r.hard[k].friction * after
        if size > limit:
            new = new * (limit / size)
        r.hard[k].pressure = after
        r.hard[k].drag = new
        push_row(g, bodies, s, r, k, (after - before) * n + new - old, time)


@wp.kernel
def colliders_kernel(g: Geometry, bodies: Bodies, s: Sheets, r: Rows, time: float, dt: float, h: float):
    """Warm start and one sweep over the rows of cloth with colliders, for the next ``dt`` [s]."""
    for k in range(r.totals[2]):
        if r.hard[k].pressure > 0.0:
            push_row(g, bodies, s, r, k, r.hard[k].pressure * r.hard[k].normal + r.hard[k].drag, time)
    for k in range(r.totals[2]):
        target = open_speed(row_gap(g, bodies, s, r, k, time), dt, h)
        solve_row(g, bodies, s, r, k, target, time)


@wp.kernel
def end_kernel(g: Geometry, bodies: Bodies, s: Sheets, r: Rows, time: float):
    """After the last step: take out the speed that only served to end a penetration, and keep the impulses."""
    sweep(r.hot, s, r.totals[1], time, time, 1)
    for k in range(r.totals[1]):
        r.row[r.hot[k].row].pressure = r.hot[k].pressure
        r.row[r.hot[k].row].drag = r.hot[k].drag
    for k in range(r.totals[2]):
        before = r.hard[k].pressure
        if before > 0.0 and r.hard[k].gap < -1.0e-5:
            solve_row(g, bodies, s, r, k, 0.0, time)
            r.hard[k].pressure = wp.min(r.hard[k].pressure, before)
        b = collider_body(g, r.hard[k].collider)
        if r.hard[k].pressure > 0.0 and bodies.inv_mass[b] > 0.0:
            bodies.active[b] = 1
        r.row[r.hard[k].row].pressure = r.hard[k].pressure
        r.row[r.hard[k].row].drag = r.hard[k].drag


def begin(g: Geometry, bodies: Bodies, s: Sheets, r: Rows, *, h, device):
    """At the start of a substep of ``h`` [s]: place the rows."""
    wp.launch(begin_kernel, dim=1, inputs=[g, bodies, s, r, h], device=device)


def step_itself(s: Sheets, r: Rows, *, dt, h, device):
    """Cloth with itself: change the velocities for the next ``dt`` [s] of a substep of ``h`` [s]."""
    wp.launch(itself_kernel, dim=1, inputs=[s, r, dt, h], device=device)


def step_colliders(g: Geometry, bodies: Bodies, s: Sheets, r: Rows, *, time, dt, h, device):
    """Cloth with colliders: change the velocities for ``dt`` [s], ``time`` [s] after the substep of ``h`` [s] began."""
    wp.launch(colliders_kernel, dim=1, inputs=[g, bodies, s, r, time, dt, h], device=device)


def end(g: Geometry, bodies: Bodies, s: Sheets, r: Rows, *, h, device):
    """After the last step."""
    wp.launch(end_kernel, dim=1, inputs=[g, bodies, s, r, h], device=device)
