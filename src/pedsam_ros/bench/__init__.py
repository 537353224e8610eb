"""How fast we are, as ratios: both sides of each comparison run in turn, in one run.

Start reading at sections.py.
"""
