"""Evaluation of a model's motions against the targets, on the built-in head, split by split."""
