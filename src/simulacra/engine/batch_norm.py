"""Batch norm over the whole batch of a training in several processes, on every device.

`nn.SyncBatchNorm`, which does the same, runs on GPUs only.
"""

import torch
from torch import Tensor, nn

from simulacra.engine.devices import Devices


def synchronize(networks: nn.Module, devices: Devices) -> None:
    """Puts a layer that sees all processes' shares in the place of every batch norm; the parameters stay the same."""
    for above in list(networks.modules()):
        for name, layer in above.named_children():
            if isinstance(layer, nn.BatchNorm2d):
                setattr(above, name, CommonBatchNorm2d(layer, devices))


class CommonBatchNorm2d(nn.BatchNorm2d):
    """Normalises by mean and variance of the common batch: with one process, what `nn.BatchNorm2d` computes.

    Args:
        layer: whose parameters, statistics and names in a state dict these are.
        devices: the processes, each with an equal share of the batch.
    """

    def __init__(self, layer: nn.BatchNorm2d, devices: Devices) -> None:
        super().__init__(layer.num_features, layer.eps, layer.momentum)
        self._parameters, self._buffers, self.training = layer._parameters, layer._buffers, layer.training
        self.devices = devices

    def forward(self, images: Tensor) -> Tensor:
        """Maps (n, C, H, W), and the statistics move on; in eval mode they are what normalises."""
        if not self.training:
            return super().forward(images)
        values, world = images.float(), self.devices.world
        var, mean = torch.var_mean(values, (0, 2, 3), correction=0)
        if world > 1:
            # Every process's own mean and variance, so that none of them is a difference of large numbers.
            own = torch.zeros(world, 2, len(mean), device=mean.device)
            own = own.index_put((torch.tensor(self.devices.rank),), torch.stack([mean, var]))
            means, variances = self.devices.total(own).unbind(1)
            mean = means.mean(0)
            var = variances.mean(0) + (means - mean).square().mean(0)
        self._follow(mean.detach(), var.detach(), world * values.numel() // len(mean))
        assert self.weight is not None, "the layers of networks are affine"
        scale = self.weight * (var + self.eps).rsqrt()
        shift = self.bias - mean * scale
        return (values * scale[:, None, None] + shift[:, None, None]).to(images.dtype)

    def _follow(self, mean: Tensor, var: Tensor, count: int) -> None:
        """Moves the running statistics towards those of a batch with so many values a channel."""
        assert self.running_mean is not None, "the layers of networks keep statistics"
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(var * count / (count - 1), self.momentum)
        self.num_batches_tracked += 1
