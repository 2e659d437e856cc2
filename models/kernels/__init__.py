"""Compiled kernels: arrays in, arrays out; no checks, no classes, no configuration."""
