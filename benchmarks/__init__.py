"""What psbridge costs, as commands: ``python -m benchmarks.start``, ``.exits`` and ``.leaving``.

Figures of different moments of one machine cannot be compared: each round runs every subject once,
one after the other, and what counts is the ratio of the medians.
"""
