"""Render and compare: the photograph against its reference as the photograph's camera sees it.

Where the paper's CMT must find out which of twenty views a patch resembles, here both are aligned, pixel by pixel, and
a small U-Net (Ronneberger et al., MICCAI 2015) tells what differs. Given no reference it only says what is the object.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from pipeline.format.labels import LABELS
from pipeline.training.config import CompareConfig
from pipeline.training.models.encoder import normalised
from pipeline.training.models.interface import ALIGNED, Inputs, Model, Prediction

#: What each pixel is asked for: is it the object's, did a part that is elsewhere or gone show here, does one show here
#: that should not.
MAPS = ("object", "old", "new")
#: Means over so many of a map's highest pixels, in shares of all, are what the image's score sees: an anomaly may be
#: a few pixels or many.
HIGHEST = (0.00025, 0.00125, 0.006)
#: New pixels fewer than this share of the old ones are specks, and a part is gone.
SPECK = 0.1
#: Of a map's pixels above one half, so many on each side do not count for the box: a few may be astray.
ASTRAY = 0.01


class Compare(Model):
    """Query and aligned reference to maps, score, type and box."""

    def __init__(self, config: CompareConfig) -> None:
        super().__init__()
        widths = [config.width * 2 ** min(level, 2) for level in range(config.levels)]
        self.down = nn.ModuleList(_block(a, b) for a, b in pairwise([3 + len(ALIGNED), *widths]))
        self.narrow = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(widths))
        self.up = nn.ModuleList(_block(2 * a, a) for a in widths[:-1])
        self.maps = nn.Conv2d(widths[0], len(MAPS), 1)
        highest = (len(MAPS) - 1) * len(HIGHEST)
        self.score = nn.Linear(highest, 1)
        self.name_type = nn.Linear(2 * widths[-1] + highest, len(LABELS))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, inputs: Inputs, seen: tuple[Tensor, ...] = ()) -> Prediction:
        aligned = inputs.aligned
        if aligned is None:
            height, width = inputs.image.shape[-2:]
            aligned = torch.zeros(len(inputs.image), len(ALIGNED), height, width, device=inputs.image.device)
        x = torch.cat([normalised(inputs.image), aligned], dim=1).contiguous(memory_format=torch.channels_last)
        levels: list[Tensor] = []
        for block in self.down:
            x = block(functional.max_pool2d(x, 2) if levels else x)
            levels.append(x)
        deepest = torch.cat([x.mean(dim=(2, 3)), x.amax(dim=(2, 3))], dim=1)
        for number in reversed(range(len(self.up))):
            x = functional.interpolate(self.narrow[number](x), scale_factor=2.0, mode="nearest")
            x = self.up[number](torch.cat([levels[number], x], dim=1))
        maps = self.maps(x)
        highest = _highest(maps[:, 1:])
        return Prediction(
            logit=self.score(highest).squeeze(-1),
            box=box_of(maps[:, 1].detach().sigmoid(), maps[:, 2].detach().sigmoid()),
            maps=maps,
            type_logits=self.name_type(torch.cat([deepest, highest], dim=1)),
        )


def _highest(maps: Float[Tensor, "batch map height width"]) -> Float[Tensor, "batch feature"]:
    pixels = maps.flatten(2)
    counts = [max(1, int(share * pixels.shape[-1])) for share in HIGHEST]
    ranked = pixels.topk(counts[-1]).values
    return torch.cat([ranked[..., :count].mean(-1) for count in counts], dim=1)


def _block(inputs: int, outputs: int) -> nn.Sequential:
    """Two 3x3 convolutions."""
    layers: list[nn.Module] = []
    for channels in (inputs, outputs):
        layers += [nn.Conv2d(channels, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers)


def box_of(
    old: Float[Tensor, "batch height width"], new: Float[Tensor, "batch height width"]
) -> Float[Tensor, "batch 4"]:
    """Boxes (cx, cy, w, h) in shares of the image around where a part shows that should not, or else where one did.

    old, new: probabilities of pixels. Those above one half are meant, or above half the highest.

    >>> new = torch.zeros(1, 4, 8)
    >>> new[0, 1:3, 2:6] = 0.9
    >>> box_of(torch.zeros(1, 4, 8), new).tolist()
    [[0.5, 0.5, 0.5, 0.5]]
    >>> speck = torch.zeros(1, 16, 16)
    >>> speck[0, 0, 0] = 0.9
    >>> box_of(torch.full((1, 16, 16), 0.9), speck).tolist()
    [[0.5, 0.5, 1.0, 1.0]]
    """
    likely = [(place > 0.5).sum(dim=(1, 2)) for place in (old, new)]
    is_new = likely[1] > SPECK * likely[0]
    shown = torch.where(is_new[:, None, None], new, old)
    mask = shown >= shown.amax(dim=(1, 2), keepdim=True).clamp(max=1.0) / 2
    (left, right), (top, bottom) = _extent(mask.sum(dim=1)), _extent(mask.sum(dim=2))
    return torch.stack([(left + right) / 2, (top + bottom) / 2, right - left, bottom - top], dim=-1)


def _extent(counts: Float[Tensor, "batch place"] | Tensor) -> tuple[Float[Tensor, " batch"], Float[Tensor, " batch"]]:
    """Where so many pixels begin and end along an axis, in shares of it, but for those astray."""
    share = counts.float().cumsum(dim=-1) / counts.sum(dim=-1, keepdim=True).clamp(min=1)
    places = counts.shape[-1]
    first = (share > ASTRAY).float().argmax(dim=-1)
    last = (share >= 1.0 - ASTRAY).float().argmax(dim=-1) + 1
    return first / places, last / places
