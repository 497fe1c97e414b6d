"""Validation: case files (setup, parameters, expected values with source, tolerances) run through the public API.

``physim validate`` prints, per quantity, what was expected, what came out, the error, the limits and the verdict.
"""
