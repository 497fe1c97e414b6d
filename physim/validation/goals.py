"""Goals: what we ask of ourselves beyond a case file's own limits, where the file sets no goal.

Keyed by case and tolerance (or by the name of a quantity that the file does not have). Errors in the unit of that
tolerance. They were chosen from the measured errors of published engines; a file that sets ``goal`` overrules them.
"""

GOALS: dict[tuple[str, str], float] = {
    ("bounce_restitution", "rebound_height_rel"): 0.005,
    ("incline_block", "sliding_accel_rel"): 0.005,
    ("incline_block", "stopping_distance_rel"): 0.005,
    ("incline_block", "stick_creep"): 1e-4,
    ("incline_block", "isotropy"): 0.01,
    ("rolling_incline", "accel_rel"): 0.003,
    ("sliding_to_rolling", "rel"): 0.003,
    ("dzhanibekov", "L_drift_rel"): 1e-4,
    ("dzhanibekov", "E_drift_rel"): 1e-3,
    ("dzhanibekov", "flip_interval_rel"): 0.002,
    ("domino_speed", "speed_rel"): 0.03,
    ("stack_stability", "mass_ratio_penetration_mm"): 0.1,
    ("cantilever_heavy_elastica", "H_over_W_rel"): 0.03,
    ("catenary", "sag_rel"): 0.002,
    ("catenary", "length_error"): 0.001,
    ("hanging_stretch", "ext_rel"): 0.01,
    ("hanging_chain_modes", "period1_rel"): 0.005,
    ("lateral_buckling", "Gamma_crit_rel"): 0.05,
    ("taylor_green_2d", "inviscid"): 0.02,
    ("lid_cavity", "rms_vs_own"): 0.01,
    ("zalesak", "L1_rel"): 0.20,
    ("zalesak", "mass_rel"): 0.001,
    ("zalesak", "range"): 1e-3,
    ("projection", "max_div_dx_over_umax"): 1e-5,
    ("karman_street", "St_rel"): 0.04,
    ("dfg_cylinder", "St_rel"): 0.04,
    ("rayleigh_taylor", "sigma_rel"): 0.04,
    ("lamb_chaplygin", "speed_rel"): 0.01,
    ("thermal_initial_accel", "rel"): 0.03,
}
