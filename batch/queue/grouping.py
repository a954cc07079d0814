"""Which of the tasks that are ready make one job, and how many jobs."""

from __future__ import annotations

from collections.abc import Iterable

from registration.life.outbox import PageWork, Task


def travels_alone(task: Task, size: int) -> bool:
    """Pages, whole chunks and those in the midst of a lot, which are small on purpose.

    What failed before, too, so that one bad demande takes no neighbour down a second time.
    """
    return isinstance(task.work, PageWork) or task.attempt > 0 or task.rang > 0 or len(task.numeros) >= size


def make_jobs(ready: Iterable[Task], *, size: int, alone: int, shared: int) -> list[list[Task]]:
    """Jobs in the order of what is ready: up to ``alone`` of one task, up to ``shared`` of several small ones.

    First tries of single demandes and small lots share a job of at most ``size`` demandes, for the statements and the
    transactions of a job are the same for one as for many. Two chunks of one lot were cut for two workers, and do not.
    What has no place is left for another look.
    """
    jobs: list[list[Task]] = []
    open_job: list[Task] = []
    for task in ready:
        if travels_alone(task, size):
            if alone > 0:
                jobs.append([task])
                alone -= 1
        elif open_job and _has_room(open_job, task, size):
            open_job.append(task)
        elif shared > 0:
            open_job = [task]
            jobs.append(open_job)
            shared -= 1
        else:
            open_job = []
    return jobs


def _has_room(job: list[Task], task: Task, size: int) -> bool:
    if task.id_lot is not None and any(other.id_lot == task.id_lot for other in job):
        return False
    return sum(len(other.numeros) for other in job) + len(task.numeros) <= size
