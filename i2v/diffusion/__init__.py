"""Noise, schedules and samplers. Import what you need from the modules; nothing is loaded here."""
