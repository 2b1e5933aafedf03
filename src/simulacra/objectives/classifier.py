"""Classifier: labels of images by cross-entropy. Bishop 2006, Pattern Recognition and Machine Learning, section 4.3."""

from typing import final

from torch import Tensor

from simulacra.data.batches import Batch
from simulacra.objectives.augmentation import augment, mixed_up
from simulacra.objectives.base import Classifies, Objective, Optimize, seeing
from simulacra.objectives.losses import label_hits, label_loss, label_losses
from simulacra.recipe import Recipe
from simulacra.settings.objectives import ClassifierSettings


@final
class Classifier(Objective, Classifies):
    """Minimises -log p(labels|x): a softmax over exclusive classes, or a sigmoid an attribute."""

    def __init__(self, recipe: Recipe, settings: ClassifierSettings) -> None:
        self.settings, self.exclusive = settings, recipe.data.exclusive
        heads = {"logits": len(recipe.data.labels)}
        parts = seeing("encoder", recipe.networks["encoder"], recipe.data.shape, heads)
        super().__init__(parts, {"classifier": tuple(parts)})

    def update(self, batch: Batch, step: int, optimize: Optimize) -> dict[str, Tensor]:
        """One step down the cross-entropy; the accuracy is that before the step, dropout and augmentation included.

        Of mixed images it is how often the larger part is told.
        """
        images, labels = augment(batch.images, self.settings.augment), batch.labels
        if self.settings.mixup:
            images, labels = mixed_up(images, labels, self.settings.mixup)
        logits = self.logits(images)
        loss = label_loss(logits, labels, exclusive=self.exclusive, smoothing=self.settings.label_smoothing)
        optimize("classifier", loss)
        hits = label_hits(logits, labels, exclusive=self.exclusive)
        return {"loss/train": loss, "accuracy/train": hits.mean()}

    def validate(self, batch: Batch) -> dict[str, Tensor]:
        """Cross-entropy with the true labels, never smoothed, and whether the class, or which share, is right."""
        logits = self.logits(batch.images)
        return {
            "loss": label_losses(logits, batch.labels, exclusive=self.exclusive),
            "accuracy": label_hits(logits, batch.labels, exclusive=self.exclusive),
        }

    def logits(self, images: Tensor) -> Tensor:
        """The head's logits of the labels."""
        return self.networks["logits"](self.networks["encoder"](images))
