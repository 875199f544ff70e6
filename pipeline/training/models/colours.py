"""Comparing without learning: what has the background's colours where the reference is, and the other way round.

Given a photograph and its reference from the same camera, the object's colours are those within the reference's
outline, and the background's those well beyond it. A pixel within that is far likelier the background's has lost its
part, and one beyond that is far likelier the object's shows a part that should not be there. Each photograph tells its
own colours, so that there is nothing to learn. Two numbers turn the size of such regions into a logit.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float64, UInt8
from scipy.ndimage import binary_dilation, binary_erosion, distance_transform_edt, gaussian_filter, label
from torch import Tensor, nn

from pipeline.format.silhouette import object_estimate
from pipeline.training.config import ColoursConfig
from pipeline.training.models.compare import box_of
from pipeline.training.models.interface import ALIGNED, Inputs, Model, Prediction

#: Luminance, and twice the differences of red from green and of green from blue: hues tell more than light.
TO_COLOUR = np.array([[0.3, 0.6, 0.1], [2.0, -2.0, 0.0], [0.0, 2.0, -2.0]])
#: Colours that stand for the object's, and for the background's.
SAMPLES = 300
#: Pixels: within the outline by so many is the object's, beyond it by so many, and by at most this share of the image's
#: edge, is the background's, with the object's shadow. Along the outline, regions need not be right to the pixel.
CLEAR, NEAR, ALONG = 2, 0.2, 1
#: Likelihoods are not told apart below this; how far logarithms of their ratios are smoothed, in pixels.
LEAST, SMOOTHING = 1e-6, 0.5
#: New regions count half: shadows and what is seen through gaps look like the object at times.
NEW_WEIGHT = 0.5
#: Shares of the object's pixels: a region so large is as likely an anomaly as not, and how fast that changes.
THRESHOLD, STEEPNESS = 0.004, 1.5


class Colours(Model):
    """Maps by the ratio of likelihoods, score by the largest regions."""

    def __init__(self, config: ColoursConfig) -> None:
        super().__init__()
        self.bandwidth, self.ratio = config.bandwidth, config.ratio
        self.calibrate = nn.Linear(1, 1)
        with torch.no_grad():
            self.calibrate.weight.fill_(STEEPNESS)
            self.calibrate.bias.fill_(-STEEPNESS * float(np.log(THRESHOLD)))

    def forward(self, inputs: Inputs, seen: tuple[Tensor, ...] = ()) -> Prediction:
        images = inputs.image.permute(0, 2, 3, 1).cpu().numpy()
        references = None if inputs.aligned is None else inputs.aligned[:, ALIGNED.index("mask")].cpu().numpy() > 0
        maps, sizes = [], []
        for number, image in enumerate(images):
            mask = object_estimate(image) > 0
            reference = np.zeros_like(mask) if references is None else references[number]
            own = self._maps(image, mask, reference)
            maps.append(own)
            sizes.append(_changed(own, reference))
        device = inputs.image.device
        drawn = torch.from_numpy(np.stack(maps)).float().to(device)
        size = torch.tensor(sizes, dtype=torch.float32, device=device)[:, None]
        return Prediction(
            logit=self.calibrate(size.log()).squeeze(-1),
            box=box_of(drawn[:, 1].sigmoid(), drawn[:, 2].sigmoid()),
            maps=drawn,
        )

    def _maps(
        self,
        image: UInt8[np.ndarray, "height width 3"],
        mask: Bool[np.ndarray, "height width"],
        reference: Bool[np.ndarray, "height width"],
    ) -> Float64[np.ndarray, "3 height width"]:
        """By ``MAPS``; the object is what is dark or coloured, before white, for want of anything better."""
        maps = np.full((3, *mask.shape), -2.0 * self.ratio)
        maps[0][mask] = 2.0 * self.ratio
        within = binary_erosion(reference, iterations=CLEAR) & mask
        covered = reference | mask
        beyond = ~binary_dilation(covered, iterations=CLEAR + 1)
        beyond &= distance_transform_edt(~covered) < NEAR * len(mask)
        if not within.any() or not beyond.any():
            return maps
        judged = binary_dilation(covered, iterations=CLEAR + 1)
        colours = image.astype(np.float64) @ TO_COLOUR.T
        likely = [self._likelihood(colours[judged], colours[own]) for own in (within, beyond)]
        ratio = np.full(mask.shape, -self.ratio)
        ratio[judged] = np.log(likely[0] + LEAST) - np.log(likely[1] + LEAST)
        ratio = gaussian_filter(ratio, SMOOTHING)
        inside, outside = binary_erosion(reference, iterations=ALONG), ~binary_dilation(reference, iterations=ALONG)
        maps[1][inside] = -ratio[inside] - self.ratio
        maps[2][outside] = ratio[outside] - self.ratio
        return maps

    def _likelihood(
        self, colours: Float64[np.ndarray, "pixel 3"], of: Float64[np.ndarray, "sample 3"]
    ) -> Float64[np.ndarray, " pixel"]:
        """Of colours, by a Gaussian about each of some of the others."""
        some = of[:: -(-len(of) // SAMPLES)]
        squared = (colours**2).sum(1)[:, None] + (some**2).sum(1) - 2 * colours @ some.T
        return np.asarray(np.exp(-np.maximum(squared, 0) / (2 * self.bandwidth**2)).mean(axis=1))


def _changed(maps: Float64[np.ndarray, "3 height width"], reference: Bool[np.ndarray, "height width"]) -> float:
    """The largest regions that changed, in shares of the object's pixels; at least a little, for its logarithm."""
    gone, new = (largest_size(place > 0) for place in maps[1:])
    return float(max(gone + NEW_WEIGHT * new, 0.1) / max(1, reference.sum()))


def largest_size(mask: Bool[np.ndarray, "height width"]) -> int:
    """Pixels of the largest connected region.

    >>> largest_size(np.array([[True, False, True, True]]))
    2
    """
    regions, count = label(mask)
    return int(np.bincount(regions.ravel())[1:].max()) if count else 0
