"""METRICS: what every number of a model is called, its unit, how to read it, and where better values lie.

Evaluation, report, comparison, docs and commands read this table. Nothing here loads torch.
"""

from dataclasses import dataclass, replace
from math import inf

from simulacra.estimates import Better


@dataclass(frozen=True)
class Baseline:
    """What a number is compared with."""

    name: str  # in a sentence
    meaning: str  # what it is the value of
    goal: bool = True  # whether a good model comes near it; else it is what any model should leave behind


@dataclass(frozen=True)
class Metric:
    """What is known of a metric before it is measured."""

    title: str  # above its values
    unit: str  # name and unit of its values
    better: Better  # where better values lie
    baseline: Baseline | None = None  # what stands beside it; None for a metric without one
    percent: bool = False  # its values are shares in [0, 1]
    reference: float | None = None  # a level worth drawing; None without one
    # of its definition, raised where values of before and after cannot be compared; None for the first definition
    version: int | None = None
    reading: str = "As it was evaluated."  # sentences that say how to read it, from READINGS
    # what must be equal where two values are compared, beside images, extractor and judge; from ALIKE
    alike: tuple[str, ...] = ("n", "real")


REAL = Baseline("real images", "real images in the place of samples")
OTHERS = Baseline("other training images", "further training images in the place of samples")
JUDGE = Baseline("the judge's accuracy", "the judge's accuracy on real images")
JUDGED = Baseline("the judge's own errors", "the judge's own errors on real images, where labels are classes")
CHANCE = Baseline("chance", "chance", goal=False)
LINEAR = Baseline("the best linear code", "the best linear code with as many dimensions", goal=False)

# Words for how far samples obey a label -> the share of the way from chance to the judge's accuracy on real images from
# which on the word holds. Where the interval of the accuracy includes chance, the last word holds; where it includes
# both ends, none does.
OBEDIENCE = {"obeyed": 0.9, "mostly obeyed": 0.5, "partly obeyed": 0.1, "not obeyed": -inf}
UNCLEAR = "cannot be judged"

# Metrics that are computed together; "held_out" is what a training measures on its way.
BY_GROUP: dict[str, dict[str, Metric]] = {
    "quality": {
        "frechet_distance": Metric("Fréchet distance", "distance (no unit)", "lower", REAL),
        "frechet_distance_unbiased": Metric("Fréchet distance, unbiased", "distance (no unit)", "lower", REAL),
        "kernel_distance": Metric("Kernel distance", "distance (no unit)", "lower", REAL),
        "precision": Metric("Precision", "share of samples", "higher", REAL, percent=True, version=2),
        "recall": Metric("Recall", "share of real images", "higher", REAL, percent=True, version=2),
        "density": Metric("Density", "real images around a sample (1 is real)", "higher", REAL, version=2),
        "coverage": Metric("Coverage", "share of real images", "higher", REAL, percent=True, version=2),
        "memorisation": Metric(
            "Nearer to training images",
            "share of samples",
            "lower",
            OTHERS,
            percent=True,
            reference=0.5,
        ),
    },
    "conditions": {
        "condition_accuracy": Metric("Labels obeyed", "share of samples", "higher", JUDGE, percent=True),
        "condition_accuracy_corrected": Metric(
            "Labels obeyed, corrected", "share of samples", "higher", percent=True, version=2
        ),
        "leakage": Metric(
            "Leakage",
            "change of other labels per change of its own",
            "lower",
            JUDGED,
            version=2,
        ),
        "mutual_information": Metric("Mutual information of code and label", "nats", "higher", CHANCE),
    },
    "reconstruction": {
        "reconstruction_mse": Metric("Reconstruction error (MSE)", "squared error per value", "lower", LINEAR),
        "psnr": Metric("Peak signal-to-noise ratio", "decibels", "higher", LINEAR),
        "ssim": Metric("Structural similarity (SSIM)", "similarity (1 is equal)", "higher", LINEAR),
        "reconstruction_sharpness": Metric(
            "Sharpness of reconstructions", "fine detail, as a multiple of the same images'", "neither", LINEAR
        ),
        "kl_per_image": Metric("KL divergence per image", "nats per image", "neither"),
        "kl_per_dimension": Metric("KL divergence per latent dimension", "nats per dimension", "neither"),
        "active_units": Metric("Active latent dimensions", "dimensions", "neither"),
        "elbo": Metric("Evidence lower bound (ELBO)", "nats per image", "higher"),
        "iwae_bound": Metric("Importance-weighted bound (IWAE)", "nats per image", "higher"),
        "inversion_mse": Metric("Error of the nearest image (MSE)", "squared error per value", "lower", LINEAR),
    },
    "disentanglement": {
        "mig": Metric("Mutual information gap (MIG)", "share of a factor's entropy", "higher", CHANCE),
        "sap": Metric("Separated predictability (SAP)", "score (1 is best)", "higher", CHANCE),
        "factorvae_score": Metric("FactorVAE score", "share", "higher", CHANCE, percent=True),
        "dci_disentanglement": Metric("Disentanglement (DCI)", "score (1 is best)", "higher", CHANCE),
        "dci_completeness": Metric("Completeness (DCI)", "score (1 is best)", "higher", CHANCE),
        "dci_informativeness": Metric("Informativeness (DCI)", "score (1 is perfect)", "higher", CHANCE),
    },
    "diversity": {
        "copies_features": Metric("Copies, by features", "share of samples", "lower", REAL, percent=True),
        "copies_pixels": Metric("Copies, by pixels", "share of samples", "lower", REAL, percent=True),
        "duplicates": Metric("Duplicates among samples", "share of samples", "lower", REAL, percent=True, version=2),
        "broken_features": Metric("Broken samples, by features", "share of samples", "lower", REAL, percent=True),
        "broken_pixels": Metric("Broken samples, by pixels", "share of samples", "lower", REAL, percent=True),
        "sharpness": Metric("Sharpness", "fine detail, as a multiple of real images'", "neither", REAL, version=2),
        "checkerboard": Metric("Checkerboard pattern", "share of fine detail", "lower", REAL, percent=True),
        "modes_covered": Metric("Modes covered", "classes or combinations of labels", "higher", REAL),
        "label_entropy": Metric("Entropy of labels", "nats", "neither", REAL),
        "label_divergence": Metric("Divergence of labels", "nats", "lower", REAL),
        "rare_label_ratio": Metric("Rare labels", "frequency, as a multiple of the data's", "neither", REAL),
        "label_frequency": Metric("Frequency of labels", "share of samples", "neither", REAL, percent=True),
    },
    "held_out": {
        "mse": Metric("Reconstruction error (MSE)", "squared error per value", "lower"),
        "kl": Metric("KL divergence", "nats per image", "neither"),
        "mse_plus_kl": Metric("Loss of held-out images (MSE + KL)", "loss (no unit)", "lower"),
        "loss": Metric("Loss", "cross-entropy (nats)", "lower"),
        "accuracy": Metric("Accuracy", "share of images", "higher", percent=True),
        "label_accuracy": Metric("Accuracy of the label head", "share of labels", "higher", percent=True),
    },
}

READINGS: dict[str, str] = {
    "frechet_distance": "Distance between the features of samples and of real images. Lower is closer.",
    "frechet_distance_unbiased": (
        "The Fréchet distance that infinitely many images would give. It is near 0 for real images."
    ),
    "kernel_distance": (
        "Distance between the features of samples and of real images, without bias where images are few. Lower is "
        "closer."
    ),
    "precision": "Share of samples that lie among real images. It measures quality.",
    "recall": (
        "Share of real images that lie within the neighbourhood of some sample (Kynkäänniemi et al. 2019). It falls "
        "early where variety is lost: look at it first, beside its baseline."
    ),
    "density": "How densely real images lie around samples.",
    "coverage": (
        "Share of real images that have at least one sample within their own neighbourhood (Naeem et al. 2020). It "
        "forgives more than recall and is soon near its baseline: a low value means that whole kinds of images are "
        "missing."
    ),
    "memorisation": (
        "Share of samples whose nearest real image is a training image and not a held-out image, among equally many of "
        "both. Half is right. Clearly more than the baseline means that training images are copied."
    ),
    "condition_accuracy": (
        "Share of samples that have the label they were generated for, as predicted by a judge: a classifier that was "
        "trained on real images alone. A model can be expected to reach the judge's accuracy on real images that it "
        "never saw. Chance is what a model would get that ignores its labels."
    ),
    "condition_accuracy_corrected": (
        "The same share without the judge's own errors, which are measured on real images. 100% is perfect. Chance is "
        "what a model would get that ignores its labels."
    ),
    "leakage": (
        "How much the other labels change when one label is changed, divided by how much that label changes. 0 is no "
        "leakage; 1 means that the other labels change as much."
    ),
    "mutual_information": (
        "How much a code that was trained without labels says about a label. 0 is nothing; 0.69 decides an even yes or "
        "no. The baseline is the value that 19 of 20 shuffles stay below."
    ),
    "reconstruction_mse": "Mean squared error over all held-out images, with values from -1 to 1.",
    "psnr": "Of reconstructions. Ten decibels more are a tenth of the squared error.",
    "ssim": "Of reconstructions, from means, variances and correlation of small windows.",
    "reconstruction_sharpness": (
        "Energy of edges and texture of reconstructions, divided by that of the images that were encoded. 1 is as "
        "sharp, less is blurred."
    ),
    "kl_per_image": "How much a code says about its image. Near 0 means that the code is ignored.",
    "kl_per_dimension": (
        "The KL divergence per image divided by the number of latent dimensions, to compare codes of different size."
    ),
    "active_units": (
        "Latent dimensions whose mean varies from image to image (variance above 0.01). The others say nothing."
    ),
    "elbo": (
        "A lower bound of the log-density of an image. Only models with the same likelihood and the same width can be "
        "compared."
    ),
    "iwae_bound": "The ELBO, tightened by many codes per image. The gap between the two is what the encoder misses.",
    "inversion_mse": (
        "How near a search through the codes comes to a few held-out images. The rest is what the generator cannot "
        "generate, or what the search missed."
    ),
    "mig": (
        "How much more the best latent dimension says about a factor than the second best. 1 means one dimension per "
        "factor."
    ),
    "sap": "How much better the best latent dimension predicts a factor than the second best.",
    "factorvae_score": (
        "How often the factor that a set of images shares is predicted from the latent dimension that varies least."
    ),
    "dci_disentanglement": "Whether each latent dimension serves one factor.",
    "dci_completeness": "Whether each factor is served by one latent dimension.",
    "dci_informativeness": (
        "How well factors are predicted from whole codes. 0 is a guess; a low value means that the code leaves factors "
        "out."
    ),
    "copies_features": (
        "Share of samples that lie nearer to a training image, relative to images never trained on, than 95% of real "
        "images do. 5% is chance; more means that training images are copied."
    ),
    "copies_pixels": (
        "The same by differences of pixels, among all training images and, where training flips, their mirror images."
    ),
    "duplicates": (
        "Share of samples that have another sample nearer than 99% of real images have another real image. 1% is "
        "chance; more means that the model repeats itself."
    ),
    "broken_features": (
        "Share of samples that lie farther from training images than 99% of held-out images do. 1% is chance."
    ),
    "broken_pixels": (
        "The same by differences of pixels. Blur makes these differences smaller and noise makes them larger."
    ),
    "sharpness": (
        "Energy of edges and texture, divided by that of real images. 1 is as sharp, less is blurred, more is noisy. "
        "Patterns that repeat every 2, 4 or 8 pixels do not count: see the checkerboard pattern."
    ),
    "checkerboard": (
        "Share of the energy of edges and texture that lies in patterns which repeat every 2, 4 or 8 pixels, beyond "
        "what other patterns that are as fine have. White noise has none. Networks that enlarge small maps leave such "
        "patterns."
    ),
    "modes_covered": (
        "How many of the classes (or combinations of labels) that are common in the data occur among samples, as "
        "predicted by the judge."
    ),
    "label_entropy": (
        "How evenly samples spread over classes. An entropy below that of real images means that some classes are "
        "favoured."
    ),
    "label_divergence": (
        "How different the frequencies of classes are among samples and in the data. 0 means equal frequencies. Missing"
        " classes raise it most."
    ),
    "rare_label_ratio": (
        "How often samples show the labels that fewer than a tenth of training images have. 1 is as often as the data; "
        "less means that rare labels become rarer."
    ),
    "label_frequency": (
        "How often samples show the label, without the judge's usual errors. Compare it with the label's share of "
        "training images."
    ),
    "mse": "Mean squared error over all values of the split's images, which range from -1 to 1. 0 is perfect.",
    "kl": "From the prior to the codes of held-out images. Near 0 means that the code is ignored.",
    "mse_plus_kl": "The loss of the autoencoder on held-out images, with squared error. A checkpoint is chosen by it.",
    "loss": (
        "How unlikely the true labels are under the predicted probabilities, without smoothing. A loss that rises on "
        "held-out images and falls on training images means overfitting."
    ),
    "accuracy": (
        "Share of images whose label is predicted correctly, without flips and augmentation. Only held-out images show "
        "how well new images are predicted."
    ),
    "label_accuracy": (
        "Share of the labels of held-out real images that the discriminator's label head predicts correctly. It says "
        "nothing of generated images."
    ),
}

# What must be equal where two values of a metric are compared, beside the images, extractor and judge that they depend
# on: entries of a row; "labels" that a value about all labels is a mean over; "loss", which the training minimises;
# "place", how many parts of this kind the code has. The numbers of samples and of real images by default: distances and
# neighbours depend on them. A mean over images does not.
MEANS = (
    *("reconstruction_mse", "psnr", "ssim", "kl_per_image", "kl_per_dimension", "active_units", "inversion_mse"),
    *("reconstruction_sharpness", "label_frequency", "mse", "kl"),
)
ALIKE: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(MEANS, ()),
    **dict.fromkeys(("condition_accuracy", "condition_accuracy_corrected", "leakage"), ("labels",)),
    **dict.fromkeys(("loss", "accuracy", "label_accuracy"), ("labels",)),
    **dict.fromkeys(BY_GROUP["disentanglement"], ("n", "factors")),
    "mutual_information": ("n", "place"),
    "elbo": ("density",),
    "iwae_bound": ("density", "codes"),
    "mse_plus_kl": ("loss",),
}
# Metrics whose values depend on the labels of real images without a judge, and on what these images were drawn from.
OF_LABELS = frozenset(("loss", "accuracy", "label_accuracy"))
OF_FACTORS = frozenset(BY_GROUP["disentanglement"])

METRICS: dict[str, Metric] = {
    name: replace(metric, reading=READINGS[name], alike=ALIKE.get(name, metric.alike))
    for metrics in BY_GROUP.values()
    for name, metric in metrics.items()
}

# Names that earlier versions wrote into evaluations.jsonl, and what they are called now.
RENAMED = {
    "kl_an_image": "kl_per_image",
    "kl_a_number": "kl_per_dimension",
    "importance_bound": "iwae_bound",
    "code_information": "mutual_information",
    "kinds_shown": "modes_covered",
    "rare_labels": "rare_label_ratio",
}


def of_group(group: str) -> tuple[str, ...]:
    """Names of the metrics of a group, in the order of the table."""
    return tuple(BY_GROUP[group])


ENOUGH = 1.5  # times as many images as features, from which on the limit of the Fréchet distance has little bias
# Extractor -> features per image, for rows of earlier versions, which do not say it.
WIDTHS = {"efficientnet-lite0": 1280, "random-vgg": 512, "inception": 2048}


def caution(n: int, real: int, width: int) -> str | None:
    """A warning about Fréchet distances, whose covariances need many images, or None where there are enough.

    Args:
        n: samples.
        real: real images that they are compared with.
        width: features per image.
    """
    fewest = min(n, real)
    if fewest > ENOUGH * width:
        return None
    if fewest > width:
        return (
            f"the smaller set has {fewest:,} images for {width:,} features: frechet_distance_unbiased is still biased "
            f"upwards below {ENOUGH * width:,.0f}; go by the kernel distance, which has no bias"
        )
    return (
        f"the smaller set has {fewest:,} images for {width:,} features: the Fréchet distance is biased upwards and "
        "unreliable, frechet_distance_unbiased too; go by the kernel distance, which has no bias, and compare a "
        "Fréchet distance only with its baseline and at the same n"
    )
