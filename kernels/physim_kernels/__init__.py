"""Warp kernels and ``wp.func`` geometry: arrays in, arrays out. No scene, no file, no policy."""

import os

import warp as wp

wp.config.quiet = True  # stdout belongs to results
wp.config.enable_backward = False  # adjoints double the compile time; a kernel that needs one says so in its module
wp.config.log_level = wp.LOG_ERROR  # "no CUDA driver" is the ordinary case, not a warning
if os.environ.get("PHYSIM_CACHE"):
    wp.config.kernel_cache_dir = os.path.join(os.environ["PHYSIM_CACHE"], "warp")
