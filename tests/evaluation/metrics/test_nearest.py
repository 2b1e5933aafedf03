"""Nearest neighbours are those that comparing everything with everything would find."""

import numpy as np

from simulacra.evaluation.metrics.nearest import Pool, nearest


def pool_of(images: np.ndarray) -> Pool:
    return Pool.of(lambda places: images[places], len(images))


def test_the_nearest_vectors_in_a_case_worked_by_hand() -> None:
    pool = np.array([[0, 0], [3, 4], [0, 1]], np.float32)
    found = nearest(np.array([[0, 0], [3, 3]], np.float32), pool, 2)
    assert found.rows.tolist() == [[0, 2], [1, 2]]
    np.testing.assert_allclose(found.distances, [[0, 1], [1, 13**0.5]])


def test_a_vector_is_not_its_own_neighbour() -> None:
    pool = np.array([[0, 0], [3, 4], [0, 1]], np.float32)
    found = nearest(pool, pool, own=np.arange(3))
    assert found.rows[:, 0].tolist() == [2, 2, 0]


def test_small_distances_far_from_the_origin_keep_their_digits() -> None:
    pool = np.array([[1e4, 1e4], [1e4 + 0.01, 1e4], [-1e4, 0]], np.float32)
    found = nearest(pool[:1], pool, 2)
    np.testing.assert_allclose(found.distances[0], [0, float(pool[1, 0]) - 1e4], rtol=1e-6)


def test_many_vectors_in_blocks_are_found_as_one_by_one() -> None:
    draw = np.random.default_rng(0)
    queries, pool = (draw.standard_normal((count, 4)).astype(np.float32) for count in (300, 150))
    whole = np.linalg.norm(queries[:, None] - pool, axis=2)
    found = nearest(queries, pool, 3)
    assert np.array_equal(found.rows, whole.argsort(1)[:, :3])


def test_an_image_finds_its_noisy_twin_among_many() -> None:
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (300, 9, 7, 3)).astype(np.uint8)
    noisy = np.clip(images[::2] + draw.normal(0, 8, images[::2].shape), 0, 255).astype(np.uint8)
    found = pool_of(images).nearest(noisy)
    assert np.array_equal(found.rows, np.arange(0, 300, 2))
    gap = (noisy.astype(float) - images[::2]).reshape(150, -1)
    np.testing.assert_allclose(found.distances, np.sqrt((gap**2).mean(1)), rtol=1e-5)


def test_an_image_is_not_its_own_neighbour_however_few_there_are() -> None:
    images = np.zeros((3, 8, 8, 1), np.uint8)
    images[1], images[2] = 10, 100
    found = pool_of(images).nearest(images, own=np.arange(3))
    assert found.rows.tolist() == [1, 0, 1]
    assert found.distances.tolist() == [10, 10, 90]


def test_progress_is_told_of_shrinking_and_of_searching() -> None:
    images, told = np.zeros((600, 2, 2, 1), np.uint8), []
    pool = Pool.of(lambda places: images[places], 600, lambda done, total: told.append((done, total)))
    pool.nearest(images[:130], progress=lambda done, total: told.append((done, total)))
    assert told == [(512, 600), (600, 600), (128, 130), (130, 130)]
