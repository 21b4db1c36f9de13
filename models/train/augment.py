"""Random changes of the training images, so that no two epochs see the same.

Shifts and flips come from a short list of views, so that a teacher can be asked about each view of each image once and
for all. Erasing is drawn afresh each time.
"""

import torch


class Views:
    """Every shift by up to `shift` pixels each way, and the same mirrored where `flip` is set. View 0 is in the middle
    of the list, not the image itself."""

    def __init__(self, shift: int, flip: bool):
        self.shift, self.flip = shift, flip
        self.steps = 2 * shift + 1
        self.count = self.steps**2 * (2 if flip else 1)

    def pad(self, images: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) with a black border that `of` cuts from."""
        return torch.nn.functional.pad(images, [self.shift] * 4)

    def of(self, padded: torch.Tensor, views: torch.Tensor) -> torch.Tensor:
        """View `views[i]` of image i of `padded`: (N, C, H, W) of the same type."""
        n, channels, height, width = padded.shape
        rows, columns = (torch.arange(side - 2 * self.shift, device=padded.device) for side in (height, width))
        place = views % self.steps**2
        rows = rows + (place // self.steps)[:, None]
        mirrored = (views >= self.steps**2)[:, None]
        columns = torch.where(mirrored, columns.flip(0), columns) + (place % self.steps)[:, None]
        image, channel = (torch.arange(count, device=padded.device) for count in (n, channels))
        return padded[
            image[:, None, None, None], channel[:, None, None], rows[:, None, :, None], columns[:, None, None, :]
        ]


def erase(images: torch.Tensor, share: float, generator: torch.Generator) -> torch.Tensor:
    """A random rectangle of noise in `share` of the images, (N, C, H, W) in 0..1, of 2 to 33 % of their area.

    Zhong et al., Random Erasing Data Augmentation, 2017, arXiv:1708.04896.
    """
    n, _, height, width = images.shape

    def uniform(low: float, high: float) -> torch.Tensor:
        return low + (high - low) * torch.rand(n, generator=generator)

    area, aspect = uniform(0.02, 0.33) * height * width, uniform(-1.2, 1.2).exp()
    high, wide = (area * aspect).sqrt().clamp(max=height), (area / aspect).sqrt().clamp(max=width)
    top, left = uniform(0, 1) * (height - high), uniform(0, 1) * (width - wide)
    chosen = uniform(0, 1) < share
    rows, columns = torch.arange(height), torch.arange(width)
    inside = (
        ((rows >= top[:, None]) & (rows < (top + high)[:, None]))[:, :, None]
        & ((columns >= left[:, None]) & (columns < (left + wide)[:, None]))[:, None, :]
        & chosen[:, None, None]
    )[:, None]
    noise = torch.rand(images.shape, generator=generator)
    return torch.where(inside.to(images.device), noise.to(images.device), images)
