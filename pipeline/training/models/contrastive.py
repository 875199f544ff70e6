"""Shape retrieval after Lin et al., ICCV 2021: query and shape in a common embedding (paper, Table 2)."""

from __future__ import annotations

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional

from pipeline.training.config import ContrastiveConfig
from pipeline.training.models.encoder import ResNet18FPN
from pipeline.training.models.interface import Inputs, Model, Prediction, Views
from pipeline.training.models.layers import in_colour, mlp

#: Sharpness of the query's attention over the views of a shape.
VIEW_TEMPERATURE = 0.1


class Contrastive(Model):
    """An object is anomalous that lies too far from its own shape.

    Each query attends over the views of every shape of the batch by their likeness to it; the likeness to what it
    gathers, ``shape_similarity``, learns by InfoNCE to be the highest for its own shape (``losses.contrast``).
    """

    def __init__(self, config: ContrastiveConfig) -> None:
        super().__init__()
        self.encoder = ResNet18FPN(config.encoder_width, config.dim)
        self.project = mlp(config.dim, config.projector_hidden, config.projector_dim)
        self.calibrate = nn.Linear(1, 1)
        with torch.no_grad():  # to begin with: the less alike, the more anomalous
            self.calibrate.weight.fill_(-5.0)
            self.calibrate.bias.fill_(2.5)

    def look(self, views: Views) -> tuple[Tensor, ...]:
        """Embeddings of the views."""
        return (self._embed(in_colour(views.image)),)

    def forward(self, inputs: Inputs, seen: tuple[Tensor, ...] = ()) -> Prediction:
        if seen:
            query, (every,) = self._embed(inputs.image), seen
        else:  # one pass: one set of batch statistics
            embeddings = self._embed(torch.cat([inputs.image, in_colour(inputs.views.image)]))
            query, every = embeddings.split([len(inputs.image), len(inputs.views.image)])
        views = every[inputs.chosen]
        likeness = torch.einsum("qc,snc->qsn", query, views)
        shapes = torch.einsum("qsn,snc->qsc", (likeness / VIEW_TEMPERATURE).softmax(-1), views)
        similarity = torch.einsum("qc,qsc->qs", query, functional.normalize(shapes, dim=-1))
        logit = self.calibrate(similarity.diagonal()[:, None]).squeeze(-1)
        return Prediction(logit, shape_similarity=similarity)

    def _embed(self, images: UInt8[Tensor, "image 3 height width"]) -> Float[Tensor, "image channel"]:
        return functional.normalize(self.project(self.encoder(images).mean(dim=(2, 3))), dim=-1)
