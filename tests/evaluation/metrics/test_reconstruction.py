"""The groups reconstruction and disentanglement: what they find for each family, and what they leave out and why.

Error, signal-to-noise and structural similarity of images; the best linear code.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate1d
from scipy.special import stdtrit
from torch import Tensor

from simulacra.catalogue import of_group
from simulacra.evaluation.context import Chosen, Material
from simulacra.evaluation.features import FEATURES
from simulacra.evaluation.metrics import GROUPS, Results, disentanglement, reconstruction
from simulacra.evaluation.metrics.disentanglement import factor_of, halved, separated_predictability
from simulacra.evaluation.metrics.reconstruction import (
    LinearCode,
    signal_to_noise,
    squared_error,
    structural_similarity,
)
from simulacra.evaluation.preview import preview
from simulacra.evaluation.subject import Subject

RECONSTRUCTION, DISENTANGLEMENT = GROUPS["reconstruction"], GROUPS["disentanglement"]
MakeMaterial = Callable[..., Material]


@pytest.fixture
def material(subject: Callable[..., Subject], monkeypatch: pytest.MonkeyPatch) -> MakeMaterial:
    """material(family): an untrained model beside eight held-out images; searches and draws are short."""
    monkeypatch.setattr(reconstruction, "invert", partial(reconstruction.invert, steps=3, starts=2))
    monkeypatch.setattr(disentanglement, "SPLITS", dict.fromkeys(disentanglement.SPLITS, 1))

    def make(family: str, factors: Any = None, **changes: Any) -> Material:
        it = subject(family, **changes)
        if factors is not None:
            names = tuple(f"factor {place}" for place in range(factors.shape[1]))
            it = replace(it, store=replace(it.store, factors=factors.astype(np.float32), factor_names=names))
        train = it.store.rows("train")
        chosen = Chosen("test", it.store.rows("test"), train[:7], train[7:])
        return Material(it, chosen, FEATURES["random-vgg"])

    return make


def by_metric(results: Results) -> dict[str, dict[str, Any]]:
    return {measurement.metric: measurement.to_json() for measurement in results.measurements}


def factors_of(count: int = 30) -> Any:
    random = np.random.default_rng(0)
    return np.column_stack([random.integers(0, 2, count), random.normal(size=count), np.ones(count)])


def test_a_vae_gets_every_row_but_the_similarity_of_images_smaller_than_its_window(material) -> None:
    found = RECONSTRUCTION.measure(material("vae"))
    rows = by_metric(found)
    assert set(rows) == set(of_group("reconstruction"))
    assert rows.pop("ssim")["why"] == "not applicable, images of 8 pixels are smaller than the window of 11"
    assert {name: row["n"] for name, row in rows.items()} == dict.fromkeys(rows, 8)
    assert rows["elbo"]["density"] == "normal, variance 96"
    assert 0 <= rows["active_units"]["value"] <= 3
    assert "the mean training image in place of each reconstruction has an MSE of 0.3" in found.notes[0]
    assert rows["inversion_mse"]["value"] <= rows["reconstruction_mse"]["value"] + 1e-6
    assert set(found.pictures) == {"kl-dimensions", "inversions"}
    assert all(preview(arrays) for arrays in found.pictures.values())


def test_the_error_is_that_of_all_held_out_images(material) -> None:
    it = material("vae")
    model, images = it.subject.objective, it.subject.load(it.store.rows("test")).images
    with model.evaluating():
        errors = (model.decode(model.encode(images)).clamp(-1, 1) - images).square().flatten(1).mean(1)
        mean, logvar = model.posterior(images)
    q = torch.distributions.Normal(mean, (logvar / 2).exp())
    kl = torch.distributions.kl_divergence(q, torch.distributions.Normal(0, 1))
    found = RECONSTRUCTION.measure(it)
    rows = by_metric(found)
    assert rows["reconstruction_mse"]["value"] == pytest.approx(errors.mean().item(), rel=1e-5)
    assert rows["psnr"]["value"] == pytest.approx((10 * (4 / errors).log10()).mean().item(), rel=1e-5)
    assert rows["kl_per_image"]["value"] == pytest.approx(kl.sum(1).mean().item(), rel=1e-4)
    assert rows["kl_per_dimension"]["value"] == pytest.approx(kl.mean().item(), rel=1e-4)
    assert found.pictures["kl-dimensions"]["kl"] == pytest.approx(kl.mean(0).numpy(), rel=1e-4)


@pytest.mark.parametrize(("contrast", "sharp"), [(1.0, 1.0), (0.5, 0.25)])
def test_each_reconstruction_is_as_sharp_as_its_own_image_or_less(contrast, sharp, material, monkeypatch) -> None:
    monkeypatch.setattr(reconstruction, "reconstructed", lambda model, images: contrast * images)
    row = by_metric(RECONSTRUCTION.measure(material("vae")))["reconstruction_sharpness"]
    assert row["value"] == pytest.approx(sharp, rel=0.02)
    assert row["low"] <= row["value"] <= row["high"]
    assert 0 < row["baseline"] < 1, "a linear code blurs"


def test_bounds_are_in_order_and_one_is_the_textbooks(material, monkeypatch) -> None:
    monkeypatch.setattr(reconstruction, "DRAWN", 400)
    it = material("vae", **{"objective.reduction": "sum"})
    model, images = it.subject.objective, it.subject.load(it.store.rows("test")).images
    rows = by_metric(RECONSTRUCTION.measure(it))
    assert rows["elbo"]["value"] < rows["iwae_bound"]["value"]
    # Its other form: the mean of log p(x|z) less the KL in closed form.
    generator = torch.Generator().manual_seed(3)
    with model.evaluating():
        mean, logvar = model.posterior(images)
        kl = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).sum(1)
        draws = [
            model.log_likelihood(images, mean + torch.randn(mean.shape, generator=generator) * (logvar / 2).exp())
            for _ in range(400)
        ]
    assert rows["elbo"]["value"] == pytest.approx((torch.stack(draws).mean(0) - kl).mean().item(), abs=1.0)


def test_what_has_no_encoder_is_measured_by_inversion(material) -> None:
    found = RECONSTRUCTION.measure(material("gan"))
    assert {name for name, row in by_metric(found).items() if row["value"] is not None} == {"inversion_mse"}
    assert by_metric(found)["psnr"]["why"] == (
        "not applicable, family gan has no encoder; inversion_mse takes its place"
    )
    assert {row["n"] for row in by_metric(found).values()} == {None, 8}
    assert found.pictures["inversions"]["originals"].shape == found.pictures["inversions"]["inversions"].shape


def test_cross_entropy_has_no_bounds(material) -> None:
    found = RECONSTRUCTION.measure(
        material("vae", **{"objective.likelihood": "bce", "networks.decoder.output": "none"})
    )
    bound = by_metric(found)["elbo"]
    assert bound["value"] is None
    assert bound["why"].startswith("not applicable, family vae is trained by a likelihood that is no density")


def test_a_classifier_has_neither(material) -> None:
    it = material("classifier")
    assert RECONSTRUCTION.lacks(it) == "not applicable, family classifier generates no images"
    assert DISENTANGLEMENT.lacks(it) == "not applicable, family classifier has no encoder"


def test_disentanglement_takes_known_factors_that_vary(material) -> None:
    it = material("vae")
    assert "factors behind these images are not known" in (DISENTANGLEMENT.lacks(it) or "")


def test_one_factor_is_too_few(material) -> None:
    it = material("vae", factors=factors_of()[:, 1:])
    assert DISENTANGLEMENT.lacks(it) == "not applicable, fewer than two factors vary over these images"


def test_each_score_stands_beside_chance(material) -> None:
    it = material("vae", factors=factors_of())
    assert DISENTANGLEMENT.lacks(it) is None
    found = DISENTANGLEMENT.measure(it)
    rows = by_metric(found)
    assert set(rows) == set(of_group("disentanglement"))
    assert {(row["split"], row["n"], row["factors"]) for row in rows.values()} == {("train", 14, 2)}
    assert rows["factorvae_score"]["value"] is None
    assert rows["factorvae_score"]["why"] == "withheld: no latent dimension changes with the image"
    for name in set(rows) - {"factorvae_score"}:
        assert 0 <= rows[name]["value"] <= 1
        assert rows[name]["baseline"] is not None
        assert rows[name]["low"] <= rows[name]["value"] <= rows[name]["high"]
    assert found.pictures["code-factors"]["shares"].shape == (3, 2)
    assert "disentanglement is of 2 factors: factor 0, factor 1" in found.notes
    assert found.measurements == DISENTANGLEMENT.measure(it).measurements, "the same again"


def test_held_out_images_are_asked_where_there_are_enough(material, monkeypatch) -> None:
    it = material("vae", factors=factors_of())
    monkeypatch.setattr(disentanglement, "FEW", 8)
    split, rows, places = disentanglement.varied(it)
    assert (split, len(rows), places) == ("test", 8, [0, 1])


def test_codes_are_the_encoders(material) -> None:
    it = material("vae")
    rows = it.store.rows("test")
    model = it.subject.objective
    with model.evaluating():
        expected = model.encode(it.subject.load(rows).images).numpy()
    assert it.subject.encode(it.store.pixels(rows)) == pytest.approx(expected)


def test_halves_of_a_mean_tell_its_standard_error() -> None:
    codes, factor = np.random.default_rng(0).normal(size=(400, 1)).astype(np.float32), factor_of(np.arange(400.0))
    found = halved(lambda part, _: {"mean": float(part.mean()), "none": None}, codes, [factor], 200)
    expected = stdtrit(200, 0.975) * codes.std(ddof=1) / 400**0.5
    assert found["mean"].high == pytest.approx(codes.mean() + expected, rel=0.1)
    assert found["none"] is None


def test_intervals_of_scores_are_as_wide_as_the_scores_spread() -> None:
    def drawn(seed: int) -> tuple[Any, list[Any]]:
        random = np.random.default_rng(seed)
        values = np.column_stack([random.integers(0, 3, 600), random.integers(0, 2, 600)])
        mixed = values @ [[1.0, 0.5, 0], [0.4, 1, 0.3]] + random.normal(0, 0.7, (600, 3))
        return mixed.astype(np.float32), [factor_of(column) for column in values.T.astype(np.float64)]

    def score(codes: Any, factors: Any) -> dict[str, float | None]:
        return {"sap": float(separated_predictability(codes, factors, np.random.default_rng(1)).mean())}

    found = [halved(score, *drawn(seed), 10)["sap"] for seed in range(40)]
    values, highs = np.array([(one.value, one.high) for one in found if one and one.high]).T
    spread, stated = values.std(ddof=1), (highs - values) / stdtrit(10, 0.975)
    assert 0.75 < float(np.sqrt(np.square(stated).mean()) / spread) < 1.35, "a jackknife: 1.7"


@pytest.mark.parametrize(
    ("factor", "why"),
    [(1.0, "fewer than two factors have a value that 32 images share"), (0.0, "no latent dimension changes")],
)
def test_why_votes_cannot_be_counted_is_said(factor, why, material, monkeypatch) -> None:
    it, encode = material("vae", factors=factors_of()), Subject.encode
    monkeypatch.setattr(Subject, "encode", lambda self, images: factor * 100 * encode(self, images))
    assert why in by_metric(DISENTANGLEMENT.measure(it))["factorvae_score"]["why"]


def test_few_images_are_of_all_classes_though_the_data_are_in_order(material, monkeypatch) -> None:
    it, seen = material("vae"), []
    monkeypatch.setattr(reconstruction, "BOUNDED", 4)
    monkeypatch.setattr(Subject, "load", lambda self, rows, load=Subject.load: (seen.append(rows), load(self, rows))[1])
    model = it.subject.objective
    reconstruction._bounds(it, model)
    rows, test = np.concatenate(seen), it.store.rows("test")
    assert len(rows) == 4
    assert not np.array_equal(rows, test[:4])
    assert set(rows) <= set(test)


def pictures(count: int = 3, size: int = 16, seed: int = 0) -> Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_error_and_decibels_by_hand() -> None:
    a, b = torch.full((2, 1, 4, 4), 0.5), torch.tensor([0.5, -0.5]).reshape(2, 1, 1, 1).expand(2, 1, 4, 4)
    assert squared_error(a, b).tolist() == [0, 1]
    # 2^2 / 1 is 6.02 dB; 2^2 / 0.0004 is 40 dB; none is as good as 1e-10.
    assert signal_to_noise(torch.tensor([1.0, 0.0004, 0.0])).tolist() == pytest.approx([6.0206, 40, 106.0206], abs=1e-3)


def test_similarity_of_even_images_is_that_of_their_means() -> None:
    """No spread: (2 * 0.5 * -0.5 + C1) / (0.25 + 0.25 + C1), with C1 = (0.01 * 2)^2."""
    even = torch.full((1, 1, 12, 12), 0.5, dtype=torch.float64)
    expected = (-0.5 + 0.0004) / (0.5 + 0.0004)
    assert structural_similarity(even, -even).item() == pytest.approx(expected)


def test_similarity_is_that_of_a_second_way_to_compute_it() -> None:
    """The paper's luminance, contrast and structure one after another, in float64, by SciPy's filter."""
    a, b = pictures(seed=1).double(), (0.6 * pictures(seed=1) + 0.3 * pictures(seed=2) + 0.1).double()
    offsets = np.arange(-5, 6)
    bell = np.exp(-(offsets**2) / 4.5)
    bell /= bell.sum()

    def blurred(x: np.ndarray) -> np.ndarray:
        return correlate1d(correlate1d(x, bell, axis=0), bell, axis=1)[5:-5, 5:-5]

    expected = []
    for x, y in zip(a.flatten(0, 1).numpy(), b.flatten(0, 1).numpy(), strict=True):
        mx, my = blurred(x), blurred(y)
        sx, sy = np.sqrt(blurred(x**2) - mx**2), np.sqrt(blurred(y**2) - my**2)
        c1, c2 = 0.02**2, 0.06**2
        luminance = (2 * mx * my + c1) / (mx**2 + my**2 + c1)
        contrast = (2 * sx * sy + c2) / (sx**2 + sy**2 + c2)
        structure = (blurred(x * y) - mx * my + c2 / 2) / (sx * sy + c2 / 2)
        expected.append((luminance * contrast * structure).mean())
    assert structural_similarity(a, b).numpy() == pytest.approx(np.reshape(expected, (3, 3)).mean(1))
    assert structural_similarity(a.float(), b.float()).numpy() == pytest.approx(
        structural_similarity(a, b).numpy(), abs=1e-4
    )


def test_images_of_two_causes_are_coded_by_two_dimensions() -> None:
    random = torch.Generator().manual_seed(0)
    causes, axes = torch.randn(40, 2, generator=random), torch.randn(2, 3 * 4 * 4, generator=random)
    images = ((causes @ axes) * 0.05 + 0.1).reshape(40, 3, 4, 4)
    fit, test = images[:30], images[30:]
    assert squared_error(LinearCode(fit, 2)(test), test).max() < 1e-8
    one = squared_error(LinearCode(fit, 1)(test), test).mean()
    assert 1e-4 < one < squared_error(fit.mean(0).expand_as(test), test).mean()


def test_more_dimensions_than_images_are_as_many_as_there_are() -> None:
    images = pictures(5, 4)
    assert squared_error(LinearCode(images, 50)(images), images).max() < 1e-8
