"""CMT, the correspondence matching transformer (Looking 3D, CVPR 2024, section 4)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from pipeline.training.config import CMTConfig
from pipeline.training.models.attention import best_match, select_keys
from pipeline.training.models.cga import CGABlock
from pipeline.training.models.encoder import ResNet18FPN
from pipeline.training.models.interface import Inputs, Prediction
from pipeline.training.models.layers import BoxHead, ClassificationHead, mlp
from pipeline.training.models.position import PositionEncoding


class CMT(nn.Module):
    """Query photo and reference views to the probability and the box of an anomaly.

    Works for any number of views and any image whose height and width are multiples of 32. The view
    features that enter every block are the encoder's; each block fuses them with 3DPE anew.
    """

    def __init__(self, config: CMTConfig) -> None:
        super().__init__()
        self.top_k = config.top_k if config.guided else None
        self.encoder = ResNet18FPN(config.encoder_width, config.dim)
        self.position = PositionEncoding(config.octaves, config.dim) if config.position else None
        hidden = config.projector_hidden
        self.projector = mlp(config.dim, hidden, hidden, hidden, config.projector_dim)  # beta
        self.blocks = nn.ModuleList(CGABlock(config) for _ in range(config.blocks))
        self.tok = nn.Parameter(torch.randn(config.dim) * 0.02)
        self.score = nn.Linear(1, config.dim) if config.match_score else None
        self.classify = ClassificationHead(config.dim, config.patch_head)
        self.locate = BoxHead(config.dim) if config.box_head else None

    def forward(self, inputs: Inputs) -> Prediction:
        batch, count = inputs.views.shape[:2]
        gray = inputs.views.flatten(0, 1)[:, None].expand(-1, 3, -1, -1)
        # One pass: one set of batch statistics.
        features = self.encoder(torch.cat([inputs.image, gray])).permute(0, 2, 3, 1)
        query_patches = features[:batch].flatten(1, 2)
        view_patches = features[batch:].reshape(batch, -1, features.shape[-1])
        valid = inputs.patch_valid.flatten(1)

        query_descriptors, view_descriptors = self._describe(query_patches), self._describe(view_patches)
        similarity = query_descriptors @ view_descriptors.transpose(1, 2)  # Eq. 12, the same in every block
        selection = None if self.top_k is None else select_keys(similarity, valid, self.top_k)

        position = None
        if self.position is not None:
            position = self.position(inputs.patch_xyz, inputs.patch_valid).flatten(1, 3)
        if self.score is not None:
            query_patches = query_patches + self.score(best_match(similarity, valid)[..., None])
        tokens = torch.cat([self.tok.expand(batch, 1, -1), query_patches], dim=1)
        for block in self.blocks:
            tokens = block(tokens, view_patches, position, valid, selection)
        tok = tokens[:, 0]
        logit, patch_logits = self.classify(tok, tokens[:, 1:])
        return Prediction(
            logit=logit,
            box=None if self.locate is None else self.locate(tok),
            view_descriptors=view_descriptors.reshape(batch, count, *features.shape[1:3], -1),
            similarity=similarity,
            patch_logits=patch_logits,
        )

    def _describe(self, patches: Float[Tensor, "batch patch channel"]) -> Float[Tensor, "batch patch descriptor"]:
        """Features to descriptors of unit length: beta, normalised over channels."""
        return functional.normalize(self.projector(patches), dim=-1)
