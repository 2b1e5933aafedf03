"""Maps: test images' codes in the plane."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from simulacra.evaluation.preview import Arrays
from simulacra.evaluation.subject import Subject
from simulacra.objectives import Encodes, Infers
from simulacra.objectives.losses import kl_parts

if TYPE_CHECKING:
    from sklearn.decomposition import PCA

MAP_LIMIT = 2000  # test images on a map: more points hide one another and take minutes
LEAST = 5  # points that make a map

Codes = NDArray[np.float32]


def latent_map(subject: Subject) -> Arrays | None:
    """Test images' codes in the plane, by t-SNE where a code has more than two dimensions.

    van der Maaten and Hinton 2008, as openTSNE computes it (Policar et al. 2024), by Barnes-Hut.
    """
    codes = _codes(subject)
    if codes is None:
        return None
    points = codes if codes.shape[1] == 2 else _tsne(codes, subject.recipe.seed)
    return {"points": points, "codes": codes} | _divergences(subject) | _labels(subject)


def principal_map(subject: Subject) -> Arrays | None:
    """The same codes along the two directions in which they vary most; None where a code has two or one.

    Pearson 1901, doi:10.1080/14786440109462720: principal components. Unlike a t-SNE map it is a shadow of the codes:
    distances mean something, and its axes are the same for any images.
    """
    codes = _codes(subject)
    if codes is None or codes.shape[1] < 3:
        return None
    components = principal_components(codes)
    explained = np.nan_to_num(components.explained_variance_ratio_).astype(np.float32)
    return {"points": components.transform(codes).astype(np.float32), "explained": explained} | _labels(subject)


def principal_components(codes: Codes) -> "PCA":
    """The two directions in which codes (n, d) vary most; equal codes give equal signs."""
    from sklearn.decomposition import PCA

    with np.errstate(invalid="ignore"):  # codes that are all alike have no variance to share out
        return PCA(2, svd_solver="full").fit(codes.astype(np.float64))


def _codes(subject: Subject) -> Codes | None:
    """Codes (n, width) of the test images on the map, or None where none can be drawn."""
    chunks = subject.batches("test", MAP_LIMIT)
    if not isinstance(subject.objective, Encodes) or subject.store is None or sum(map(len, chunks)) < LEAST:
        return None
    return subject.encode(subject.store.pixels(np.concatenate(chunks)))


def _divergences(subject: Subject) -> Arrays:
    """Mean KL divergence of each latent dimension in nats; nothing for a code without a distribution."""
    model = subject.objective
    if not isinstance(model, Infers):
        return {}
    with model.evaluating():
        batches = (subject.load(rows).images for rows in subject.batches("test", MAP_LIMIT))
        parts = torch.cat([kl_parts(*model.posterior(images)).cpu() for images in batches])
    return {"kl": parts.mean(0).numpy()}


def _labels(subject: Subject) -> Arrays:
    """Which images are on the map, and what is known of them."""
    store = subject.store
    assert store is not None, "codes are of images of a store"
    rows = np.concatenate(subject.batches("test", MAP_LIMIT))
    return {
        "rows": rows,
        "labels": store.labels[rows],
        "label_names": np.array(store.label_names, dtype=str),
        "exclusive": np.array(store.exclusive),
        "chosen": np.array(_chosen(subject.recipe.data.labels, store.label_names), dtype=str),
    }


def _tsne(codes: Codes, seed: int) -> Codes:
    """Codes (n, d) in the plane (n, 2)."""
    from openTSNE import TSNE

    options: dict[str, Any] = {"n_jobs": torch.get_num_threads(), "negative_gradient_method": "bh"}
    method = TSNE(perplexity=_perplexity(codes), random_state=seed, **options)
    return np.asarray(method.fit(codes), dtype=np.float32)


def _perplexity(codes: Codes) -> float:
    return min(30, (len(codes) - 1) / 3)


def onto_map(codes: Codes, points: Codes, seed: int) -> Callable[[Codes], Codes]:
    """A function from further codes (m, d) to positions (m, 2) on a t-SNE map (n, 2) that was drawn of codes (n, d).

    Policar et al. 2021, doi:10.1007/s10994-021-06043-1: further codes are attracted by similar ones on the map, whose
    points stay where they are, and not by one another.
    """
    from openTSNE import TSNEEmbedding
    from openTSNE.affinity import PerplexityBasedNN

    threads = torch.get_num_threads()
    affinities = PerplexityBasedNN(codes, perplexity=_perplexity(codes), random_state=seed, n_jobs=threads)
    middle = (points.max(0) + points.min(0)) / 2
    centred = points.astype(np.float64) - middle  # as openTSNE moves it when it adds points
    neighbours = min(25, len(codes) - 1)

    def positions(further: Codes) -> Codes:
        drawn = TSNEEmbedding(
            centred.copy(), affinities, random_state=seed, n_jobs=threads, negative_gradient_method="bh"
        )
        placed = drawn.transform(further, perplexity=min(5.0, neighbours / 3), k=neighbours)
        return (np.asarray(placed) + middle).astype(np.float32)

    return positions


def _chosen(wanted: tuple[str, ...] | str, names: tuple[str, ...]) -> str:
    """The label that a map is coloured by: a conditioning one, else Male as the reports do, else the first."""
    preferred = [*(wanted if isinstance(wanted, tuple) else ()), "Male", *names, ""]
    return next(name for name in preferred if name in names or not name)
