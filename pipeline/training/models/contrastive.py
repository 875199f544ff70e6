"""Shape retrieval after Lin et al., ICCV 2021: query and shape in a common embedding (paper, Table 2)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from pipeline.training.config import ContrastiveConfig
from pipeline.training.models.encoder import ResNet18FPN
from pipeline.training.models.interface import Inputs, Prediction
from pipeline.training.models.layers import mlp

#: Sharpness of the query's attention over the views of a shape.
VIEW_TEMPERATURE = 0.1


class Contrastive(nn.Module):
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

    def forward(self, inputs: Inputs) -> Prediction:
        batch, count = inputs.views.shape[:2]
        gray = inputs.views.flatten(0, 1)[:, None].expand(-1, 3, -1, -1)
        features = self.encoder(torch.cat([inputs.image, gray])).mean(dim=(2, 3))
        embeddings = functional.normalize(self.project(features), dim=-1)
        query, views = embeddings[:batch], embeddings[batch:].unflatten(0, (batch, count))
        likeness = torch.einsum("qc,snc->qsn", query, views)
        shapes = torch.einsum("qsn,snc->qsc", (likeness / VIEW_TEMPERATURE).softmax(-1), views)
        similarity = torch.einsum("qc,qsc->qs", query, functional.normalize(shapes, dim=-1))
        logit = self.calibrate(similarity.diagonal()[:, None]).squeeze(-1)
        return Prediction(logit, shape_similarity=similarity)
