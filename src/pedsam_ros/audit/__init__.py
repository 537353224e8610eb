"""Attacks our own system, and says in numbers and pictures what leaks.

`record` plays frames through a real `Edge` and keeps what crosses the wire; `recording` holds it.
Every file of `attacks` is one attack; `attack` says what it is given and what it returns.
`scores` judges a guess against the truth. Start reading at `attack`.
"""
