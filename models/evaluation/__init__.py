"""How good a model's motions are: measured against the targets, on the built-in head, split by split."""
