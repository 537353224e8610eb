"""The command line: `pedsam X` is the file x.py here.

Only `cli`, which finds the command, and `figures`, which writes results as JSON, lie beside the
commands. Whatever two commands share has a room of its own. The commands may import every room.
Start reading at `cli`.
"""
