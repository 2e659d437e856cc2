"""Stress scripts: the shipped ones, how files name them, and what they mean for a model and for its market."""

from __future__ import annotations

from sim.stress.load import BASE_SCRIPT, lay_scripts, load_script, script_names
from sim.stress.overlay import given_by, scripted

__all__ = ["BASE_SCRIPT", "given_by", "lay_scripts", "load_script", "script_names", "scripted"]
