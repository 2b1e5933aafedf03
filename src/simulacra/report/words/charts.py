"""What is said of each chart of metrics.jsonl: the part of a key before its slash."""

from simulacra.report.words.base import Words

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
