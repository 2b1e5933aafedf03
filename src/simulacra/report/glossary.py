"""What is said of each metric of evaluations.jsonl."""

from simulacra.report.versus import Better
from simulacra.report.words.base import Words

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
