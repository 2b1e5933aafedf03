"""Classifier: labels of images by cross-entropy. Bishop 2006, Pattern Recognition and Machine Learning, section 4.3."""

from typing import final

from torch import Tensor

from simulacra.data.batches import Batch
from simulacra.objectives.augmentation import augment
from simulacra.objectives.base import Classifies, Objective, Optimize, Validates, encoder_parts
from simulacra.objectives.losses import label_hits, label_loss, label_losses
from simulacra.recipe import Recipe
from simulacra.settings.objectives import ClassifierSettings


@final
class Classifier(Objective, Classifies, Validates):
    """Minimises -log p(labels|x): a softmax over exclusive classes, or one sigmoid per attribute."""

    def __init__(self, recipe: Recipe, settings: ClassifierSettings) -> None:
        self.settings, self.exclusive = settings, recipe.data.exclusive
        parts = encoder_parts(recipe, "encoder", {"logits": len(recipe.data.labels)})
        super().__init__(parts, settings.players)

    def update(self, batch: Batch, step: int, optimize: Optimize) -> dict[str, Tensor]:
        """A step down the cross-entropy; the accuracy is that before the step, dropout and augmentation included."""
        labels = batch.labels
        logits = self.logits(augment(batch.images, self.settings.augment))
        loss = label_loss(logits, labels, exclusive=self.exclusive, smoothing=self.settings.label_smoothing)
        optimize("classifier", loss)
        hits = label_hits(logits, labels, exclusive=self.exclusive)
        return {"loss/train": loss, "accuracy/train": hits.mean()}

    def validate(self, batch: Batch) -> dict[str, Tensor]:
        """Cross-entropy with the unsmoothed labels, and the accuracy: of the class, or over the attributes."""
        logits = self.logits(batch.images)
        return {
            "loss": label_losses(logits, batch.labels, exclusive=self.exclusive),
            "accuracy": label_hits(logits, batch.labels, exclusive=self.exclusive),
        }

    def logits(self, images: Tensor) -> Tensor:
        """The head's logits of the labels."""
        return self.networks["logits"](self.networks["encoder"](images))
