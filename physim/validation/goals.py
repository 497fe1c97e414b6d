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
}
