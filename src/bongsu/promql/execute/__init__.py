"""Evaluation of plans over label columns and matrices."""
