"""The network that the authors of the paper published with their weights, which is not quite the paper's text.

Its modules bear the names of their checkpoint's keys, so that its state dicts are theirs. Where it differs from the
text (docs/training.md has the table): the attention is 512 wide, it normalises before each sublayer, its feed-forward
is gated, [tok] attends to all view patches, and descriptors are weighed by where the image is not white.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor, nn
from torch.nn import functional

from pipeline.training.config import PublishedConfig
from pipeline.training.models.attention import KeptKeys, Mask, attend, select_keys
from pipeline.training.models.encoder import ResNet18
from pipeline.training.models.interface import Inputs, Model, Prediction, Views
from pipeline.training.models.layers import as_patches, in_colour

DIM, INNER, HEADS, BLOCKS, OCTAVES = 128, 512, 8, 3, 10
DESCRIPTOR, PROJECTOR = 256, 1024
#: Luma below which an image shows the object: 0.8 of the scaled image.
WHITE = 0.8
LUMA = (0.2989, 0.587, 0.114)
NO_POSITION = -1.0


class Published(Model):
    """Query photo and reference views to the probability and the box of an anomaly, as the published code does it."""

    matches = True

    def __init__(self, config: PublishedConfig) -> None:
        super().__init__()
        self.top_k = config.top_k
        self.encoder = Encoder()
        self.projector = Projector()
        self.attention_decoder = Decoder()

    def look(self, views: Views) -> tuple[Tensor, ...]:
        """Features and descriptors of the views' patches."""
        return self.describe(scaled(in_colour(views.image)))

    def forward(self, inputs: Inputs, seen: tuple[Tensor, ...] = ()) -> Prediction:
        if seen:
            query, views = self.describe(scaled(inputs.image)), seen
        else:  # one pass: one set of batch statistics
            images = scaled(torch.cat([inputs.image, in_colour(inputs.views.image)]))
            sizes = [len(inputs.image), len(inputs.views.image)]
            query, views = zip(*(x.split(sizes) for x in self.describe(images)), strict=True)
        xyz = torch.where(inputs.views.patch_valid[..., None], inputs.views.patch_xyz, NO_POSITION).flatten(1, 2)
        return self.judge(query, views, xyz, inputs.chosen)

    def describe(self, images: Float[Tensor, "image 3 height width"]) -> tuple[Tensor, ...]:
        """Features and descriptors of the patches of images in [-1, 1]."""
        features = self.encoder(images)
        return as_patches(features), as_patches(self.projector(features, soft_mask(images, features.shape[-1])))

    def judge(
        self,
        query: tuple[Tensor, ...],
        views: tuple[Tensor, ...],
        xyz: Float[Tensor, "view patch 3"],
        chosen: Int64[Tensor, "batch chosen"],
    ) -> Prediction:
        """What ``describe`` gave for queries and views to a prediction; xyz is -1 where there is no position."""
        (patches, descriptors), (view_patches, view_descriptors) = query, views
        open_to = None
        if self.top_k:
            everywhere = torch.ones_like(xyz[..., 0], dtype=torch.bool)  # on background as well
            selection = select_keys(descriptors, view_descriptors, everywhere, chosen, self.top_k).of_patches()
            open_to = selection.opened(chosen.shape[1] * xyz.shape[1], "auto")
        tok = self.attention_decoder(patches, view_patches, xyz, chosen, open_to)
        return Prediction(
            logit=self.attention_decoder.cls_layer(tok).squeeze(-1),
            box=self.attention_decoder.bbox_layer(tok).sigmoid(),
            query_descriptors=descriptors,
            view_descriptors=view_descriptors,
        )


def scaled(images: UInt8[Tensor, "image 3 height width"]) -> Float[Tensor, "image 3 height width"]:
    """To [-1, 1].

    >>> scaled(torch.tensor([0, 255], dtype=torch.uint8).expand(1, 3, 1, 2))[0, 0]
    tensor([[-1.,  1.]])
    """
    return images.float() / 127.5 - 1


def soft_mask(images: Float[Tensor, "image 3 height width"], size: int) -> Float[Tensor, "image 1 {size} {size}"]:
    """The object of images in [-1, 1]: where they are not white, two pixels wider, as a share of each patch."""
    luma = torch.stack([weight * images[:, channel] for channel, weight in enumerate(LUMA)], dim=1).sum(1, keepdim=True)
    mask = (luma < WHITE).to(images.dtype)
    for _ in range(2):
        mask = functional.max_pool2d(mask, 3, 1, 1)
    return functional.interpolate(mask, (size, size), mode="bilinear", align_corners=False)


class Encoder(nn.Module):
    """ResNet-18, a feature pyramid, and the sum of what its levels at strides 8, 16 and 32 come to at stride 8."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = ResNet18(64)
        self.fpn = Pyramid((64, 128, 256, 512))
        self.panoptic_1 = nn.Sequential(*_convolved(), *_convolved(), *_convolved())
        self.panoptic_2 = nn.Sequential(*_convolved(), _doubled())
        self.panoptic_3 = nn.Sequential(*_convolved(), _doubled(), *_convolved(), _doubled())
        self.conv1x1_mask = nn.Conv2d(DIM, 1, 1, bias=False)  # in their file, not used to predict
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(
        self, images: Float[Tensor, "image 3 height width"]
    ) -> Float[Tensor, "image channel height//8 width//8"]:
        at8, at16, at32 = self.fpn(self.backbone(images.contiguous(memory_format=torch.channels_last)))
        features: Tensor = self.panoptic_1(at8) + self.panoptic_2(at16) + self.panoptic_3(at32)
        return features


class Pyramid(nn.Module):
    """A feature pyramid (Lin et al., CVPR 2017) under torchvision's key names; its finest level is not computed."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.inner_blocks = nn.ModuleList(nn.Sequential(nn.Conv2d(width, DIM, 1)) for width in widths)
        self.layer_blocks = nn.ModuleList(nn.Sequential(nn.Conv2d(DIM, DIM, 3, padding=1)) for _ in widths)

    def forward(self, levels: tuple[Tensor, ...]) -> list[Tensor]:
        """Levels at strides 8, 16 and 32 to as many of ``DIM`` channels."""
        found: list[Tensor] = []
        top: Tensor | None = None
        for number, level in reversed(list(enumerate(levels, start=1))):
            inner = self.inner_blocks[number](level)
            top = inner if top is None else inner + functional.interpolate(top, inner.shape[-2:], mode="nearest")
            found.insert(0, self.layer_blocks[number](top))
        return found


def _convolved() -> tuple[nn.Module, ...]:
    return nn.Conv2d(DIM, DIM, 3, padding=1), nn.BatchNorm2d(DIM), nn.ReLU()


def _doubled() -> nn.Module:
    return nn.Upsample(scale_factor=2.0, mode="bilinear", align_corners=False)


class Projector(nn.Module):
    """Features to descriptors (beta of Eq. 12): of unit length, weighed by a soft mask of the object."""

    def __init__(self) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Conv2d(DIM, PROJECTOR, 1),
            nn.ReLU(),
            nn.Conv2d(PROJECTOR, PROJECTOR, 1),
            nn.ReLU(),
            nn.Conv2d(PROJECTOR, PROJECTOR, 1),
            nn.ReLU(),
            nn.Conv2d(PROJECTOR, DESCRIPTOR, 1, bias=False),
        )

    def forward(
        self, features: Float[Tensor, "image channel row column"], mask: Float[Tensor, "image 1 row column"]
    ) -> Float[Tensor, "image descriptor row column"]:
        described: Tensor = functional.normalize(self.mlp(features), dim=1) * mask
        return described


class Decoder(nn.Module):
    """[tok] and the query's patches look at the view patches; what [tok] has seen is classified and located."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Embedding(1, DIM)
        self.map_to_pos_enc = nn.Linear(3 * (1 + 2 * OCTAVES), DIM)
        self.crossatten = Transformer()
        self.bbox_layer = Perceptron(DIM, 256, 256, 4)
        self.cls_layer = Perceptron(DIM, 256, 1)
        # In their file, and not used to predict.
        self.q_pos_emb = nn.Embedding(1024, DIM)
        self.kv_spatial_pos_emb = nn.Embedding(1024, DIM)
        self.pose_to_3d_emb = nn.Linear(12, DIM)

    def forward(
        self,
        patches: Float[Tensor, "batch patch channel"],
        views: Float[Tensor, "view key channel"],
        xyz: Float[Tensor, "view key 3"],
        chosen: Int64[Tensor, "batch chosen"],
        open_to: KeptKeys | Mask | None,
    ) -> Float[Tensor, "batch channel"]:
        """The output of [tok]. chosen: each query's views; open_to: what of them each patch sees, None for all."""
        tokens = torch.cat([self.token.weight.expand(len(patches), 1, -1), patches], dim=1)
        keys = torch.cat([views, self.map_to_pos_enc(octaves(xyz))], dim=-1)
        output: Tensor = self.crossatten(tokens, keys, chosen, open_to)
        return output[:, 0]


def octaves(xyz: Float[Tensor, "*point 3"]) -> Float[Tensor, "*point 63"]:
    """The coordinates, then for each octave 2^0 to 2^9 their sines and their cosines.

    >>> octaves(torch.zeros(3))[:9]
    tensor([0., 0., 0., 0., 0., 0., 1., 1., 1.])
    """
    phases = [xyz * 2.0**octave for octave in range(OCTAVES)]
    return torch.cat([xyz, *(part for phase in phases for part in (phase.sin(), phase.cos()))], dim=-1)


class Transformer(nn.Module):
    """Blocks of ``INNER`` channels between two projections."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(32, DIM)  # in their file, not used to predict
        self.proj_in = nn.Linear(DIM, INNER)
        self.transformer_blocks = nn.ModuleList(Block() for _ in range(BLOCKS))
        self.proj_out = nn.Linear(INNER, DIM)

    def forward(
        self,
        tokens: Float[Tensor, "batch token channel"],
        keys: Float[Tensor, "view key input"],
        chosen: Int64[Tensor, "batch chosen"],
        open_to: KeptKeys | Mask | None,
    ) -> Float[Tensor, "batch token channel"]:
        tokens = self.proj_in(tokens)
        for block in self.transformer_blocks:
            tokens = block(tokens, keys, chosen, open_to)
        projected: Tensor = self.proj_out(tokens)
        return projected


class Block(nn.Module):
    """Self-attention, cross-attention, gated feed-forward: each normalised before, and added to what it had."""

    def __init__(self) -> None:
        super().__init__()
        self.attn1 = Attention(INNER)
        self.ff = FeedForward()
        self.attn2 = Attention(2 * DIM)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(INNER) for _ in range(3))

    def forward(
        self,
        tokens: Float[Tensor, "batch token channel"],
        keys: Float[Tensor, "view key input"],
        chosen: Int64[Tensor, "batch chosen"],
        open_to: KeptKeys | Mask | None,
    ) -> Float[Tensor, "batch token channel"]:
        query, key, value = self.attn1.project(normed := self.norm1(tokens), normed)
        mixed = functional.scaled_dot_product_attention(
            query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2)
        )
        tokens = tokens + self.attn1.to_out(mixed.transpose(1, 2).flatten(2))
        query, key, value = self.attn2.project(self.norm2(tokens), keys)
        everywhere = torch.ones(keys.shape[:2], dtype=torch.bool, device=keys.device)  # on background as well
        tokens = tokens + self.attn2.to_out(attend(query, key, value, everywhere, chosen, open_to).flatten(2))
        return tokens + self.ff(self.norm3(tokens))


class Attention(nn.Module):
    """The projections of multi-head attention of tokens to keys of ``width`` channels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.to_q = nn.Linear(INNER, INNER, bias=False)
        self.to_k = nn.Linear(width, INNER, bias=False)
        self.to_v = nn.Linear(width, INNER, bias=False)
        self.to_out = nn.Sequential(nn.Linear(INNER, INNER))

    def project(self, tokens: Tensor, keys: Tensor) -> Iterator[Float[Tensor, "*row head channel"]]:
        """Queries, keys and values."""
        pairs = ((self.to_q, tokens), (self.to_k, keys), (self.to_v, keys))
        return (linear(x).unflatten(-1, (HEADS, -1)) for linear, x in pairs)


class FeedForward(nn.Module):
    """Two layers, the first gated by the GELU of its second half (GEGLU; Shazeer, 2020)."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(Gated(INNER, 4 * INNER), nn.Identity(), nn.Linear(4 * INNER, INNER))

    def forward(self, tokens: Float[Tensor, "batch token channel"]) -> Float[Tensor, "batch token channel"]:
        output: Tensor = self.net(tokens)
        return output


class Gated(nn.Module):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.proj = nn.Linear(width, 2 * hidden)

    def forward(self, tokens: Float[Tensor, "batch token channel"]) -> Float[Tensor, "batch token hidden"]:
        value, gate = self.proj(tokens).chunk(2, dim=-1)
        return value * functional.gelu(gate)


class Perceptron(nn.Module):
    """Linear layers with ReLU between them."""

    def __init__(self, *widths: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))

    def forward(self, feature: Float[Tensor, "batch channel"]) -> Float[Tensor, "batch output"]:
        *hidden, last = self.layers
        for layer in hidden:
            feature = functional.relu(layer(feature))
        output: Tensor = last(feature)
        return output
