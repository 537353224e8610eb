"""The processes that another process has started, and that must end with it."""

from pathlib import Path


def children_of(pid: int) -> list[int]:
    """The ids of the processes that any thread of a process has started."""
    tasks = Path(f'/proc/{pid}/task').glob('*/children')
    return [int(child) for task in tasks for child in task.read_text().split()]


def gone(pids: list[int]) -> bool:
    """Whether all of these processes have ended."""
    return not any(Path(f'/proc/{pid}').exists() for pid in pids)
