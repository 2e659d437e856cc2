"""Shipped stress scripts, one YAML file each, in this folder."""
