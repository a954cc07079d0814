"""How the relay puts tasks into jobs."""

from __future__ import annotations

from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from batch.queue.grouping import make_jobs
from registration.life.outbox import IssueWork, PageWork, Task

_ids = count(1)


def _issue(size: int = 1, *, attempt: int = 0, rang: int = 0) -> Task:
    identifier = next(_ids)
    return Task(identifier, attempt, rang, None, IssueWork(numeros=tuple(range(size))))


def _page() -> Task:
    return Task(next(_ids), 0, 0, 1, PageWork(id_lot=1, page=0))


def _sizes(ready: list[Task], size: int = 100) -> list[list[int]]:
    return [[len(task.numeros) for task in group] for group in make_jobs(ready, size=size, alone=99, shared=99)]


def test_nothing_ready_is_no_job() -> None:
    assert _sizes([]) == []


def test_single_demandes_share_a_job_up_to_a_chunk() -> None:
    assert _sizes([_issue() for _ in range(7)], size=3) == [[1, 1, 1], [1, 1, 1], [1]]


def test_a_chunk_travels_alone() -> None:
    assert sorted(_sizes([_issue(), _issue(100), _issue()])) == [[1, 1], [100]]


def test_a_job_never_holds_more_than_a_chunk() -> None:
    assert _sizes([_issue(60), _issue(60), _issue(40)]) == [[60], [60, 40]]


def test_what_has_no_place_is_left_for_another_look() -> None:
    ready = [_issue(), _issue(100), _issue(), _page(), _issue(), _issue()]
    jobs = make_jobs(ready, size=2, alone=1, shared=1)
    assert jobs == [[ready[0], ready[2]], [ready[1]]]
    assert make_jobs(ready, size=2, alone=0, shared=0) == []


def test_a_page_travels_alone() -> None:
    page = _page()
    assert [page] in make_jobs([_issue(), page, _issue()], size=100, alone=9, shared=9)


def test_what_failed_before_travels_alone() -> None:
    """So that one bad demande does not take its neighbours down a second time."""
    failed = _issue(attempt=1)
    groups = make_jobs([_issue(), failed, _issue()], size=100, alone=9, shared=9)
    assert [failed] in groups
    assert sorted(len(group) for group in groups) == [1, 2]


_tasks = st.lists(
    st.one_of(
        st.builds(_page),
        st.builds(_issue, st.integers(1, 120), attempt=st.integers(0, 3), rang=st.integers(0, 5)),
    ),
    max_size=30,
)


@given(_tasks, st.integers(1, 120))
def test_every_task_is_sent_once_and_in_its_order(ready: list[Task], size: int) -> None:
    groups = make_jobs(ready, size=size, alone=99, shared=99)
    assert sorted(task.id for group in groups for task in group) == sorted(task.id for task in ready)
    assert all(groups)
    for group in groups:
        positions = [ready.index(task) for task in group]
        assert positions == sorted(positions)
        if len(group) > 1:
            assert sum(len(task.numeros) for task in group) <= size
            assert all(isinstance(task.work, IssueWork) and task.attempt == 0 for task in group)
