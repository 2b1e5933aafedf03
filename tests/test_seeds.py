"""Randomness as an argument."""

import numpy as np
import pytest
import torch

from simulacra.seeds import Draw, as_process, choose_rows, draw_rows, stream, torch_seed


def test_equal_arguments_give_equal_draws_whatever_was_drawn_before() -> None:
    one = stream(3, 1, 2).random(4)
    np.random.default_rng().random(7)
    assert np.array_equal(one, stream(3, 1, 2).random(4))
    assert torch_seed(3, 1, 2) == torch_seed(3, 1, 2)


def test_every_argument_matters_and_so_does_their_order() -> None:
    arguments = [(0, 1, 2), (1, 1, 2), (0, 2, 2), (0, 1, 3), (0, 2, 1), (0, 1), (0, 1, 2, 1)]
    assert len({torch_seed(*a) for a in arguments}) == len(arguments)
    assert len({stream(*a).random() for a in arguments}) == len(arguments)


def test_a_seed_fits_torch() -> None:
    for step in range(100):
        seed = torch_seed(0, step)
        assert 0 <= seed < 2**63
        torch.Generator().manual_seed(seed)


def test_seeds_are_the_same_on_every_machine_and_day() -> None:
    assert torch_seed(0, 4, 1) == 400285131179218539
    assert stream(0, 1, 0).permutation(8).tolist() == [1, 3, 7, 6, 0, 4, 2, 5]


@pytest.mark.parametrize("world", [1, 2, 3])
def test_processes_share_the_draws_of_one(world: int) -> None:
    draw = np.random.default_rng
    whole = draw_rows(draw(0).random, (6, 2))
    shares = []
    for rank in range(world):
        with as_process(rank, world):
            shares.append(draw_rows(draw(0).random, (6 // world, 2)))
    assert all(np.array_equal(share, whole[rank::world]) for rank, share in enumerate(shares))
    assert np.array_equal(draw_rows(draw(0).random, (6, 2)), whole), "afterwards, a process draws for itself again"


def test_some_rows_are_drawn_from_all_of_them_the_same_ones_each_time() -> None:
    given = np.arange(100, 200)
    found = choose_rows(given, 10)
    assert np.array_equal(found, np.sort(found))
    assert np.array_equal(found, choose_rows(given, 10))
    assert found.max() > 150 > found.min()
    assert not np.array_equal(found, choose_rows(given, 10, 3)), "keys keep draws apart"
    assert set(choose_rows(given, 5)) <= set(found), "fewer are some of more"
    assert np.array_equal(choose_rows(given, 100), given)
    assert np.array_equal(choose_rows(given, None), given)


def test_every_kind_of_draw_has_random_numbers_of_its_own() -> None:
    assert len({torch_seed(0, draw) for draw in Draw}) == len(Draw.__members__)
