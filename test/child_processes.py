"""Processes that a process has started: what must be gone when it is."""

from pathlib import Path


def children_of(pid: int) -> list[int]:
    """Their ids, of all its threads."""
    tasks = Path(f'/proc/{pid}/task').glob('*/children')
    return [int(child) for task in tasks for child in task.read_text().split()]


def gone(pids: list[int]) -> bool:
    """Whether all of them have ended."""
    return not any(Path(f'/proc/{pid}').exists() for pid in pids)
