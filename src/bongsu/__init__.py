"""Bongsu: one program that collects, stores, answers, draws and alerts."""

__version__ = "0.1.0"
