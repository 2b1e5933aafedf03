"""Convolutions over a whole image at once, and from a single pixel: matrix products, computed as such.

The general kernels reach a fifth of a product's speed at such shapes, and far less with one output. Pixels are walked
as channels-last memory has them, so nothing is copied.
"""

from torch import Tensor, nn


class WholeConv2d(nn.Conv2d):
    """A convolution whose kernel is as large as the image."""

    def forward(self, input: Tensor) -> Tensor:
        """Features (n, out, 1, 1) of (n, in, height, width of the kernel)."""
        filters = self.weight.permute(0, 2, 3, 1).flatten(1)
        outputs = nn.functional.linear(input.permute(0, 2, 3, 1).flatten(1), filters, self.bias)
        return outputs[:, :, None, None]


class WholeConvTranspose2d(nn.ConvTranspose2d):
    """A transposed convolution of a single pixel, which makes an image as large as the kernel."""

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Images (n, out, height, width of the kernel) of (n, in, 1, 1)."""
        filters = self.weight.permute(0, 2, 3, 1)  # in, h, w, out
        images: Tensor = (input.flatten(1) @ filters.flatten(1)).view(-1, *filters.shape[1:]).permute(0, 3, 1, 2)
        return images if self.bias is None else images + self.bias[:, None, None]
