"""Losses of all families, by topic: tensors to tensors, every one computed in float32."""

from simulacra.objectives.losses.adversarial import (
    boundary,
    discriminator_loss,
    fake_loss,
    generator_loss,
    real_loss,
)
from simulacra.objectives.losses.labels import (
    categorical_loss,
    continuous_loss,
    label_hits,
    label_loss,
    label_losses,
)
from simulacra.objectives.losses.likelihood import (
    kl_factor,
    kl_parts,
    kl_to_standard_normal,
    log_density,
    reconstruction_error,
    total_correlation,
)
from simulacra.objectives.losses.penalties import gradient_penalty, squared_gradient

__all__ = [
    "boundary",
    "categorical_loss",
    "continuous_loss",
    "discriminator_loss",
    "fake_loss",
    "generator_loss",
    "gradient_penalty",
    "kl_factor",
    "kl_parts",
    "kl_to_standard_normal",
    "label_hits",
    "label_loss",
    "label_losses",
    "log_density",
    "real_loss",
    "reconstruction_error",
    "squared_gradient",
    "total_correlation",
]
