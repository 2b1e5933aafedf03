"""Threads that decode: workers that several threads have at once, and none for a few images."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
import torch

from simulacra.evaluation import subject as subjects
from simulacra.evaluation.subject import FEW, Subject, workers
from simulacra.objectives import build
from simulacra.recipe import Recipe


@pytest.fixture
def three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("three_threads")
def test_each_worker_computes_with_one_thread_and_the_caller_gets_its_own_back() -> None:
    with workers() as pool:
        assert set(pool.map(lambda _: torch.get_num_threads(), range(8))) == {1}
    assert torch.get_num_threads() == 3


@pytest.mark.usefixtures("three_threads")
def test_two_that_have_workers_at_once_leave_the_number_of_threads_as_it_was() -> None:
    inside, out = Event(), Event()

    def first() -> int:
        with workers():
            inside.set()
            assert out.wait(10)
        return torch.get_num_threads()

    def second() -> int:
        assert inside.wait(10)
        with workers() as pool:
            out.set()
            early.result()  # the first leaves, and sets the number that new threads begin with
            assert set(pool.map(lambda _: torch.get_num_threads(), range(8))) == {1}
        return torch.get_num_threads()

    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        early = one.submit(first)
        late = other.submit(second)
        assert (early.result(), late.result()) == (3, 3)
    with ThreadPoolExecutor(1) as fresh:
        assert fresh.submit(torch.get_num_threads).result() == 3


@pytest.mark.usefixtures("three_threads")
def test_a_few_images_are_decoded_without_a_thread_pool_to_the_same_bytes(
    tiny: Callable[..., Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = tiny("gan")
    subject = Subject(build(recipe), recipe, None)
    codes = subject.codes(FEW + 1, 1)
    images = subject.decode(codes)
    monkeypatch.setattr(subjects, "workers", lambda: pytest.fail("a thread pool was made"))
    assert (subject.decode(codes[:FEW]) == images[:FEW]).all()
    assert torch.get_num_threads() == 3
