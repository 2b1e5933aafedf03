"""What the report says of families, charts and metrics, in plain words. An unknown name is shown as it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from simulacra.estimates import Better
from simulacra.report.formatting import plain
from simulacra.settings.objectives import FULL_NAMES


@dataclass(frozen=True)
class Words:
    """What is said of a chart or a metric.

    Attributes:
        title: above it.
        unit: name and unit of its values.
        reading: a sentence that tells how to read it.
        percent: its values are shares in [0, 1].
        reference: a level worth drawing, or None.
    """

    title: str
    unit: str
    reading: str
    percent: bool = False
    reference: float | None = None


METRICS = {
    "mse": Words(
        "Reconstruction error (MSE)",
        "squared error a value",
        "Mean squared error over all values of the split's images, which range from -1 to 1; 0 is perfect.",
    ),
    "kl": Words(
        "KL divergence",
        "nats an image",
        "Of the codes from the prior, on images kept aside; near 0 means that the code is ignored.",
    ),
    "loss": Words(
        "Loss",
        "cross-entropy (nats)",
        "How unlikely the true labels are by what the network tells, without smoothing; lower is better. Where it "
        "rises on images kept aside while it falls on training images, those are being learnt by heart.",
    ),
    "accuracy": Words(
        "Accuracy",
        "share judged rightly",
        "Of the images of a split as they are, neither flipped nor augmented; higher is better, and only images kept "
        "aside tell how well new ones are judged.",
        percent=True,
    ),
    "label_accuracy": Words(
        "Labels read rightly",
        "share",
        "Off real images that were kept aside, by the discriminator's label head; higher is better.",
        percent=True,
    ),
    "mse_plus_kl": Words(
        "Loss of held-out images (MSE + KL)",
        "loss (no unit)",
        "What the autoencoder is trained to make small, of images kept aside and with squared error; a checkpoint is "
        "chosen by it.",
    ),
    "frechet_distance": Words(
        "Fréchet distance",
        "distance (no unit)",
        "Between features of samples and of real images; lower is closer, and the floor is what real images get.",
    ),
    "frechet_distance_unbiased": Words(
        "Fréchet distance, unbiased",
        "distance (no unit)",
        "What the Fréchet distance would come to with ever more images; near 0 for real ones, if images are not few.",
    ),
    "kernel_distance": Words(
        "Kernel distance",
        "distance (no unit)",
        "Between features of samples and of real images, without bias where images are few; lower is closer.",
    ),
    "precision": Words("Precision", "share", "Of samples that lie among real images: quality.", percent=True),
    "recall": Words("Recall", "share", "Of real images that lie among samples: variety.", percent=True),
    "density": Words(
        "Density", "real images around a sample (1 is real)", "How densely real images lie around samples."
    ),
    "coverage": Words("Coverage", "share", "Of real images with a sample near by: variety.", percent=True),
    "condition_accuracy": Words(
        "Labels obeyed",
        "share of samples",
        "Of samples, how many have the value of a label that they were made for, by the word of a judge that was "
        "trained on real images alone; the floor is how often that judge is right about real images that it never saw, "
        "so a model that obeys perfectly gets about that, and chance what it would get by taking no notice.",
        percent=True,
    ),
    "condition_accuracy_corrected": Words(
        "Labels obeyed, corrected",
        "share of samples",
        "The same with the judge's own mistakes taken out, as often as it makes them on real images; 100% is perfect.",
        percent=True,
    ),
    "leakage": Words(
        "Leakage",
        "change of other labels over change of its own",
        "How much the other labels move when one is turned, beside how much that one moves itself; 0 is none, 1 means "
        "that turning a label changes any other as much.",
    ),
    "code_information": Words(
        "Information in a code",
        "nats",
        "How much a code that was told no label says of one: 0 is nothing, 0.69 settles an even yes or no, and the "
        "floor is what 19 of 20 shuffles stay below.",
    ),
    "reconstruction_mse": Words(
        "Reconstruction error (MSE)",
        "squared error a value",
        "Over all images kept aside, values from -1 to 1; the floor is the best linear code with as many numbers, "
        "which a network should beat.",
    ),
    "psnr": Words(
        "Peak signal-to-noise ratio",
        "decibels",
        "Of reconstructions: ten decibels more are a tenth of the squared error; the floor is the best linear code.",
    ),
    "ssim": Words(
        "Structural similarity (SSIM)",
        "similarity (1 is equal)",
        "Of reconstructions, by means, spreads and correlation of small windows; the floor is the best linear code.",
    ),
    "kl_an_image": Words(
        "KL divergence an image", "nats", "How much a code tells of its image; near 0 means that it is ignored."
    ),
    "kl_a_number": Words(
        "KL divergence a number", "nats", "The same divided by how many numbers a code has, to compare codes by size."
    ),
    "active_units": Words(
        "Active numbers of the code",
        "numbers",
        "Whose mean varies from image to image (variance above 0.01); the others say nothing.",
    ),
    "elbo": Words(
        "Evidence lower bound",
        "nats an image",
        "Of the logarithm of the density of an image; higher is better, and only models of the same likelihood, with "
        "the same width, compare.",
    ),
    "importance_bound": Words(
        "Importance-weighted bound",
        "nats an image",
        "The same, tightened by many codes an image; the gap to the evidence lower bound is what the encoder misses.",
    ),
    "inversion_mse": Words(
        "Error of the nearest image (MSE)",
        "squared error a value",
        "How near a search through the codes comes to a few images kept aside; what stays is what the generator cannot "
        "make, or the search missed. The floor is the best linear code with as many numbers.",
    ),
    "mig": Words(
        "Mutual information gap (MIG)",
        "share of a factor's entropy",
        "How much more the best number of the code tells of a factor than the second best; 1 is one number a factor, "
        "and the floor is chance.",
    ),
    "sap": Words(
        "Separated predictability (SAP)",
        "score (1 is best)",
        "How much better the best number predicts a factor than the second best; the floor is chance.",
    ),
    "factorvae_score": Words(
        "FactorVAE score",
        "share",
        "How often the factor that a set of images shares is told by which number varies least; the floor is chance.",
        percent=True,
    ),
    "dci_disentanglement": Words(
        "Disentanglement (DCI)", "score (1 is best)", "Whether each number serves one factor; the floor is chance."
    ),
    "dci_completeness": Words(
        "Completeness (DCI)", "score (1 is best)", "Whether each factor is served by one number; the floor is chance."
    ),
    "dci_informativeness": Words(
        "Informativeness (DCI)",
        "score (1 is perfect)",
        "How well factors are told from whole codes, 0 being a guess; low where the code leaves them out.",
    ),
    "memorisation": Words(
        "Nearer to training images",
        "share of samples",
        "Whose nearest real image is a training one, not one kept aside, of as many of either. Half is right; clearly "
        "more than the floor means that training images are copied.",
        percent=True,
        reference=0.5,
    ),
    "copies_features": Words(
        "Copies, by features",
        "share",
        "Of samples that lie nearer to a training image, for how near they lie to images never trained on, than 95% of "
        "real images do. 5% is chance; more means that training images are copied.",
        percent=True,
    ),
    "copies_pixels": Words(
        "Copies, by pixels",
        "share",
        "The same by differences of pixels, among all training images and, where training flips, their mirror images.",
        percent=True,
    ),
    "duplicates": Words(
        "Duplicates among samples",
        "share",
        "Of samples with another sample nearer than 99% of real images have another real one. 1% is chance; more means "
        "that the model repeats itself.",
        percent=True,
    ),
    "broken_features": Words(
        "Broken samples, by features",
        "share",
        "Of samples that lie farther from training images than 99% of held-out ones do. 1% is chance.",
        percent=True,
    ),
    "broken_pixels": Words(
        "Broken samples, by pixels",
        "share",
        "The same by differences of pixels, which blur makes smaller and noise larger.",
        percent=True,
    ),
    "sharpness": Words(
        "Sharpness",
        "times the fine detail of real images",
        "Energy of edges and texture over that of real images: 1 is as sharp, less is blurred, more is noisy.",
    ),
    "kinds_shown": Words(
        "Kinds shown",
        "classes or combinations of labels",
        "How many of the kinds of images that are common in the data occur among samples, as the judge tells them.",
    ),
    "label_entropy": Words(
        "Entropy of labels",
        "nats",
        "How evenly samples spread over the kinds; below that of real images some kinds are favoured.",
    ),
    "label_divergence": Words(
        "Divergence of labels",
        "nats",
        "How unlike the kinds of samples are to those of the data: 0 where each is as common in both. It grows most "
        "with kinds that are missing.",
    ),
    "rare_labels": Words(
        "Rare labels",
        "times as often as in the data",
        "How often samples show the labels that under a tenth of training images have: 1 is as often as these do, less "
        "means that what is rare becomes rarer.",
    ),
    "label_frequency": Words(
        "Label among samples",
        "share",
        "How often samples show the label, the judge's usual errors taken out; compare it with its share of training "
        "images.",
        percent=True,
    ),
}

# Where better numbers lie, of what a training measures on its way; rows that `evaluate` wrote say it themselves.
BETTER: dict[str, Better] = {
    "mse": "lower",
    "kl": "neither",
    "loss": "lower",
    "accuracy": "higher",
    "label_accuracy": "higher",
}


CHARTS = {
    "loss": Words(
        "Loss",
        "loss (no unit)",
        "The quantity that each network is trained to make small. A single network's loss should fall; where two "
        "networks play against each other, one's gain is the other's loss, so level curves mean balance, not a "
        "standstill.",
    ),
    "accuracy": Words(
        "Accuracy",
        "share judged rightly",
        "The share of images that are judged rightly; higher is better.",
        percent=True,
    ),
    "accuracy of D": Words(
        "Discriminator's accuracy",
        "share judged rightly",
        "How often the discriminator (D) is right about real images and about made ones. Near 50% on both means that "
        "it cannot tell them apart; 100% on both means that it wins and leaves the generator little to learn from.",
        percent=True,
        reference=0.5,
    ),
    "label_loss": Words(
        "Label loss",
        "cross-entropy (nats)",
        "How hard it is to read the labels off real images and off made ones; lower is easier. Made images are often "
        "easier, because the generator learns to exaggerate what the labels ask for.",
    ),
    "label_accuracy": Words(
        "Label accuracy",
        "share of labels read rightly",
        "How often the labels that an image has, or was made for, are read off it rightly. High on made images means "
        "that the generator obeys its labels.",
        percent=True,
    ),
    "reconstruction": Words(
        "Reconstruction loss",
        "error",
        "How much an image changes by being encoded and decoded again, as the recipe's likelihood counts it; lower is "
        "closer to the original.",
    ),
    "kl": Words(
        "KL divergence",
        "nats an image",
        "How much the codes tell of their image, measured against the prior that samples are drawn from. Near 0 means "
        "that the code is ignored; a large value means rich codes, but samples that may fall where no image was.",
    ),
    "kl_weight": Words(
        "Weight of the KL",
        "factor (no unit)",
        "What the KL divergence was multiplied with in the loss, as its schedule went; the higher, the dearer a code.",
    ),
    "total_correlation": Words(
        "Total correlation",
        "nats",
        "How dependent the numbers of a code are on one another, up to a constant; lower is nearer to numbers that "
        "mean one thing each.",
    ),
    "distance": Words(
        "Estimated distance",
        "difference of mean scores",
        "How much higher the critic scores real images than made ones: its estimate of how far apart they are, on a "
        "scale of its own. It should rise as the critic learns, then fall as the generator does.",
    ),
    "penalty": Words(
        "Penalty",
        "squared slope (no unit)",
        "What keeps the slope of the network that judges in bounds, before its weight; small means that the bound is "
        "kept.",
    ),
    "gradient": Words(
        "Length of the gradient",
        "length (no unit)",
        "How strongly each network is pulled to change, taken over all its numbers at every tenth update. Near 0 for a "
        "generator means that it gets nothing to learn from; sudden jumps mean that steps are too large.",
    ),
    "recognition": Words(
        "Recognition loss",
        "loss (nats)",
        "How hard it is to tell from a made image which code it was made of; lower means that the code can be seen in "
        "the image. Guessing a category of ten costs 2.3, a continuous code 0.17.",
    ),
    "code_accuracy": Words(
        "Codes told rightly",
        "share of made images",
        "How often the category that an image was made of is read off it rightly; high means that each category looks "
        "different.",
        percent=True,
    ),
}


__all__ = [
    "BETTER",
    "CHARTS",
    "FLOOR",
    "METRICS",
    "Words",
    "direction",
    "of_chart",
    "of_family",
    "of_metric",
]

FLOOR = "what real images, chance or a linear code get in the same place"


def of_family(family: object) -> str:
    """A family's name for people."""
    return FULL_NAMES.get(str(family), plain(family, 60) if family else "model")


def of_chart(chart: str, lines: set[str]) -> Words:
    """What to say of one chart of metrics.jsonl.

    Args:
        chart: the part of its keys before the slash.
        lines: the parts behind it; "fake" among them tells the accuracy of a discriminator from a classifier's.
    """
    key = "accuracy of D" if chart == "accuracy" and "fake" in lines else chart
    found = CHARTS.get(key)
    title = plain(chart.replace("_", " ").strip(), 36) or "values"
    return found or Words(title[:1].upper() + title[1:], title, "As the run logged it.")


def of_metric(metric: str) -> Words:
    """What to say of one metric of evaluations.jsonl."""
    title = plain(metric, 36) or "value"
    return METRICS.get(metric) or Words(title, title, "As it was evaluated.")


def direction(row: Mapping[str, Any]) -> Better:
    """Where better numbers lie, of a row of evaluations.jsonl; neither where nobody says."""
    said: Better | None = next((way for way in get_args(Better) if row.get("better") == way), None)
    return said or BETTER.get(str(row.get("metric")), "neither")
