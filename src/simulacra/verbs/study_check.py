"""What a study asks for, checked against its families and its data before anything is trained."""

from collections.abc import Sequence

import torch

from simulacra.catalogue import BY_GROUP
from simulacra.data.batches import Batch
from simulacra.data.store import ImageStore
from simulacra.errors import StudyError, nearest
from simulacra.evaluation.context import FEWEST
from simulacra.evaluation.features import FEATURES, JUDGE
from simulacra.objectives import FAMILIES, Encodes, Generates, Infers, Objective, Validates, build
from simulacra.objectives import check as check_networks
from simulacra.recipe import Recipe
from simulacra.seeds import Draw, torch_seed
from simulacra.studies.file import Measure
from simulacra.studies.plan import HELD_OUT, Plan, PlannedRun
from simulacra.verbs.bench import round_of

IMAGES = 4  # of the trial that names a family's curves
OF_ENCODERS = {"reconstruction_mse", "psnr", "ssim", *BY_GROUP["disentanglement"]}
OF_DENSITIES = {"kl_per_image", "kl_per_dimension", "active_units", "elbo", "iwae_bound"}
OF_LABELLED = {"condition_accuracy", "condition_accuracy_corrected", "leakage"}
OF_LABELS = {  # of the data
    *OF_LABELLED,
    "mutual_information",
    "modes_covered",
    "label_entropy",
    "label_divergence",
    "rare_label_ratio",
    "label_frequency",
}


def check(planned: Plan, stores: Sequence[ImageStore]) -> None:
    """Refuses a study that would fail after its trainings.

    Args:
        planned: the study.
        stores: its data, in each size that its recipes take.

    Raises:
        StudyError: a family cannot have a metric or a curve, or the data lacks what it takes.
        RecipeError: networks cannot be built.
    """
    budget, names = planned.budget, (*FEATURES, JUDGE)
    if budget.samples < FEWEST:
        raise StudyError(f"samples = {budget.samples}: expected at least {FEWEST}")
    if budget.features is not None and budget.features not in names:
        raise StudyError(f"features = {budget.features!r}: no such extractor; {nearest(budget.features, names)}")
    first = {run.case: run for run in reversed(planned.trainings)}
    for run in first.values():
        check_networks(run.recipe)
    for case in planned.study.cases:
        if case not in first:
            folder = next(run.folder for run in planned.runs if run.case == case)
            twin = next(run.case for run in planned.trainings if run.folder == folder)
            same = f"cases {twin!r} and {case!r} are the same recipe on {planned.data}"
            raise StudyError(f"{same}; change a key of one of them")
        recipe = first[case].recipe
        with torch.device("meta"):  # what the family can do, without memory
            objective: Objective = FAMILIES[recipe.objective.family](recipe, recipe.objective)
        for measure in planned.study.measures:
            if measure.curve is not None:
                continue
            for store in stores:
                if why := lacks(measure, objective, store, planned):
                    raise StudyError(f"measure {measure.name} in case {case!r}: {why}")
        check_trial(first[case], planned.study.measures)


def lacks(measure: Measure, objective: Objective, store: ImageStore, planned: Plan) -> str | None:
    """Why a family or the data cannot have a metric; None where they can."""
    metric, data = measure.metric or "", store.path
    if metric in HELD_OUT:
        split = measure.split or "test"
        return None if len(store.rows(split)) or split == "valid" else f"{data} has no images in its split {split}"
    if not isinstance(objective, Generates):
        return "this family generates no images"
    if metric in OF_ENCODERS and not isinstance(objective, Encodes):
        return "this family has no encoder"
    if metric in OF_DENSITIES and not isinstance(objective, Infers):
        return "this family gives no distribution of codes"
    if metric in OF_LABELLED and not objective.code.labels:
        return "this family has no labels to obey"
    if metric in OF_LABELS and not store.label_names:
        return f"{data} has no labels that a judge could learn"
    if metric in BY_GROUP["disentanglement"] and store.factors is None:
        return f"the factors behind the images of {data} are not known"
    code = objective.code
    if metric == "mutual_information" and not (code.categorical or code.continuous or isinstance(objective, Encodes)):
        return "this family has no codes that could mean a label"
    for label in measure.labels:
        if label not in store.label_names:
            return f"{data} has no label {label!r}; {nearest(label, store.label_names)}"
    if planned.study.question.kind == "ranking" and set(store.label_names) <= set(measure.labels):
        return f"{data} has no further labels that the named ones could be before"
    return None


def check_trial(run: PlannedRun, measures: Sequence[Measure]) -> None:
    """Refuses curves and metrics of held-out images that a family does not have: a round of updates names them.

    Raises:
        StudyError: a curve or a metric has another name, or there is none.
    """
    curves = {name for measure in measures for name in (measure.curve, measure.minus) if isinstance(name, str)}
    metrics = {measure.metric for measure in measures if measure.metric in HELD_OUT}
    if not curves and not metrics:
        return
    known, held_out = trial(run.recipe)
    for name in sorted(curves - known):
        raise StudyError(f"case {run.case!r} has no curve {name!r}; {nearest(name, known)}")
    for name in sorted(str(metric) for metric in metrics - held_out):
        hint = nearest(name, held_out) if held_out else "it measures nothing of held-out images"
        raise StudyError(f"case {run.case!r} has no metric {name!r}; {hint}")


def no_step(player: str, loss: torch.Tensor, *, retain_graph: bool = False) -> None:
    """Takes a loss as an optimizer does, and moves nothing."""


def trial(recipe: Recipe) -> tuple[set[str], set[str]]:
    """Names of the curves of a family, and of what it measures of held-out images."""
    objective = build(recipe)
    torch.manual_seed(torch_seed(recipe.seed, Draw.BENCH_IMAGES))
    height, width, channels = recipe.data.shape
    labels = torch.zeros(IMAGES, len(recipe.data.labels))
    labels[:, :1] = 1
    batch = Batch(torch.rand(IMAGES, channels, height, width) * 2 - 1, labels)
    curves = {f"gradient/{player}" for player in objective.players}
    for step in range(round_of(recipe)):
        curves |= objective.update(batch, step, no_step).keys()
    if not isinstance(objective, Validates):
        return curves, set()
    with objective.evaluating():
        return curves, set(objective.validate(batch))
