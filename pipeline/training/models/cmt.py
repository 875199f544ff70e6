"""CMT, the correspondence matching transformer (Looking 3D, CVPR 2024, section 4)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from pipeline.training.config import CMTConfig
from pipeline.training.models.attention import best_match, gather_rows, select_keys
from pipeline.training.models.cga import CGABlock
from pipeline.training.models.encoder import ResNet18FPN
from pipeline.training.models.interface import Inputs, Model, Prediction, Views
from pipeline.training.models.layers import BoxHead, ClassificationHead, as_patches, in_colour, mlp
from pipeline.training.models.position import PositionEncoding


class CMT(Model):
    """Query photo and reference views to the probability and the box of an anomaly.

    Works for any number of views and any image whose height and width are multiples of 32. The view
    features that enter every block are the encoder's; each block fuses them with 3DPE anew. Of views, only the patches
    near the object go on from the encoder: nothing asks for the others.
    """

    matches = True

    def __init__(self, config: CMTConfig) -> None:
        super().__init__()
        self.top_k = config.top_k if config.guided else None
        self.tok_sees_all = config.tok_sees_all
        self.attention = config.attention
        self.encoder = ResNet18FPN(config.encoder_width, config.dim)
        self.position = PositionEncoding(config.octaves, config.dim) if config.position else None
        hidden = config.projector_hidden
        self.projector = mlp(config.dim, hidden, hidden, hidden, config.projector_dim)  # beta
        self.blocks = nn.ModuleList(CGABlock(config) for _ in range(config.blocks))
        self.tok = nn.Parameter(torch.randn(config.dim) * 0.02)
        self.score = nn.Linear(1, config.dim) if config.match_score else None
        self.classify = ClassificationHead(config.dim, config.patch_head)
        self.locate = BoxHead(config.dim) if config.box_head else None

    def look(self, views: Views) -> tuple[Tensor, ...]:
        """Features of the patches near the object, and descriptors of all patches, zeros where they are not near."""
        return self._describe_views(as_patches(self.encoder(in_colour(views.image))), views)

    def forward(self, inputs: Inputs, seen: tuple[Tensor, ...] = ()) -> Prediction:
        views, chosen = inputs.views, inputs.chosen
        if seen:
            query_patches = as_patches(self.encoder(inputs.image))
        else:  # one pass: one set of batch statistics
            patches = as_patches(self.encoder(torch.cat([inputs.image, in_colour(views.image)])))
            query_patches, view_patches = patches.split([len(inputs.image), len(views.image)])
            seen = self._describe_views(view_patches, views)
        near_patches, view_descriptors = seen
        query_descriptors = self._describe(query_patches)
        valid = views.patch_valid.flatten(1).gather(1, views.near)
        near_descriptors = gather_rows(view_descriptors, views.near)
        open_to = None
        if self.top_k is not None:  # by Eq. 12, the same in every block
            selection = select_keys(query_descriptors, near_descriptors, valid, chosen, self.top_k)
            selection = selection.of_patches() if self.tok_sees_all else selection
            open_to = selection.opened(chosen.shape[1] * valid.shape[1], self.attention)
        position = None
        if self.position is not None:
            position = self.position(gather_rows(views.patch_xyz.flatten(1, 2), views.near), valid)
        if self.score is not None:
            score = best_match(query_descriptors, near_descriptors, valid, chosen)
            query_patches = query_patches + self.score(score[..., None])
        tokens = torch.cat([self.tok.expand(len(query_patches), 1, -1), query_patches], dim=1)
        for block in self.blocks:
            tokens = block(tokens, near_patches, position, valid, chosen, open_to)
        tok = tokens[:, 0]
        logit, patch_logits = self.classify(tok, tokens[:, 1:])
        return Prediction(
            logit=logit,
            box=None if self.locate is None else self.locate(tok),
            query_descriptors=query_descriptors,
            view_descriptors=view_descriptors,
            patch_logits=patch_logits,
        )

    def _describe_views(
        self, patches: Float[Tensor, "view patch channel"], views: Views
    ) -> tuple[Float[Tensor, "view near channel"], Float[Tensor, "view patch descriptor"]]:
        """What ``look`` gives, of features."""
        near = gather_rows(patches, views.near)
        described = self._describe(near)
        where = views.near[..., None].expand_as(described)
        everywhere = described.new_zeros(*patches.shape[:2], described.shape[-1])
        return near, everywhere.scatter(1, where, described)

    def _describe(self, patches: Float[Tensor, "image patch channel"]) -> Float[Tensor, "image patch descriptor"]:
        """Features to descriptors of unit length: beta, normalised over channels."""
        return functional.normalize(self.projector(patches), dim=-1)
