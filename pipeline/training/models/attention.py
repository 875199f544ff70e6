"""Self-attention, and cross-attention to the k most similar view patches (paper Eqs. 3-12).

Top-k attention comes twice: gathered, which fetches each token's kept keys first, so that its memory and time
grow with k and not with the number of view patches; and dense, the plain one, which masks all others out of the full
matrix of tokens by keys. Both give the same numbers; the tests hold one against the other. Which one it is, what is
open to the tokens says: ``KeptKeys``, or a mask.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int64, Shaped
from torch import Tensor, nn
from torch.nn import functional

from pipeline.training.config import AttentionWay

#: Similarities that are in memory at once, where a query's to one view are not more.
BLOCK = 2**26
#: Tokens whose keys are gathered at once. The grids of PyTorch's fused attention on GPUs end at 2**16 - 1; on CPUs, few
#: enough take less memory and no more time.
AT_ONCE = {"cuda": 2**15, "cpu": 2**9}


#: Which of its keys each token sees; a row less where [tok] is not among them.
Mask = Bool[Tensor, "batch _ all"]


class KeptKeys(NamedTuple):
    """Which keys each token attends to.

    rows: which of the patches of its query's views, one view after the other; kept: false where fewer than k exist.
    """

    rows: Int64[Tensor, "batch token k"]
    kept: Bool[Tensor, "batch token k"]

    def among_all(self, chosen: Int64[Tensor, "batch chosen"], patches: int) -> Int64[Tensor, "batch token k"]:
        """The rows among the patches of all views, of which each has so many."""
        view, patch = self.rows // patches, self.rows % patches
        return chosen.gather(1, view.flatten(1)).view_as(view) * patches + patch

    def of_patches(self) -> KeptKeys:
        """Without those of [tok]."""
        return KeptKeys(self.rows[:, 1:], self.kept[:, 1:])

    def mask(self, keys: int) -> Bool[Tensor, "batch token {keys}"]:
        """The same as a dense mask.

        >>> KeptKeys(torch.tensor([[[2, 0]]]), torch.tensor([[[True, False]]])).mask(3).tolist()
        [[[False, False, True]]]
        """
        shape = (*self.rows.shape[:-1], keys)
        counts = torch.zeros(shape, dtype=torch.uint8, device=self.rows.device)
        return counts.scatter_add(-1, self.rows, self.kept.to(torch.uint8)) > 0

    def opened(self, keys: int, way: AttentionWay) -> KeptKeys | Mask:
        """As ``attend`` takes it to go that way among so many keys; ``auto`` is the faster one on its device."""
        gathered = way == "gathered" or (way == "auto" and self.rows.device.type == "cpu")
        return self if gathered else self.mask(keys)


@torch.no_grad()
def select_keys(
    query: Float[Tensor, "batch patch descriptor"],
    views: Float[Tensor, "view key descriptor"],
    valid: Bool[Tensor, "view key"],
    chosen: Int64[Tensor, "batch chosen"],
    k: int,
) -> KeptKeys:
    """The k valid keys of its query's views most similar to each patch, with a row for [tok] put first (Eq. 12).

    query, views: descriptors, whose products are M. [tok] is no patch and has no descriptor: it keeps the view patches
    that any query patch matches best, so its similarity to a key is the largest over the query's patches. M is computed
    a block at a time, and never whole.

    >>> query, views = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]]), torch.tensor([[[0.9, 0.1], [0.1, 0.3], [0.2, 0.8]]])
    >>> select_keys(query, views, torch.ones(1, 3).bool(), torch.tensor([[0]]), k=1).rows.tolist()
    [[[0], [0], [2]]]
    """
    per_view = query.shape[1] * views.shape[1]
    samples = max(1, BLOCK // (per_view * chosen.shape[1]))
    at_once = max(1, BLOCK // per_view)
    found = [
        _most_similar(own, views, valid, places, k, at_once)
        for own, places in zip(query.split(samples), chosen.split(samples), strict=True)
    ]
    return KeptKeys(*(torch.cat(parts) for parts in zip(*found, strict=True)))


def _most_similar(
    query: Float[Tensor, "batch patch descriptor"],
    views: Float[Tensor, "view key descriptor"],
    valid: Bool[Tensor, "view key"],
    chosen: Int64[Tensor, "batch chosen"],
    k: int,
    at_once: int,
) -> tuple[Int64[Tensor, "batch token k"], Bool[Tensor, "batch token k"]]:
    """Rows and kept of ``KeptKeys``, so many views at once."""
    values, rows = [], []
    for number, places in enumerate(chosen.split(at_once, dim=1)):
        similarity = query @ views[places].flatten(1, 2).transpose(1, 2)
        similarity = similarity.masked_fill(~valid[places].flatten(1)[:, None], -torch.inf)
        most = min(k, similarity.shape[-1])
        for best in (x.topk(most, sorted=False) for x in (similarity.amax(dim=1, keepdim=True), similarity)):
            values.append(best.values)
            rows.append(best.indices + number * at_once * views.shape[1])
    value, row = (torch.cat([torch.cat(x[start::2], dim=-1) for start in (0, 1)], dim=1) for x in (values, rows))
    if len(values) > 2:
        value, order = value.topk(min(k, value.shape[-1]), sorted=False)
        row = row.gather(-1, order)
    return row, value > -torch.inf


def best_match(
    query: Float[Tensor, "batch patch descriptor"],
    views: Float[Tensor, "view key descriptor"],
    valid: Bool[Tensor, "view key"],
    chosen: Int64[Tensor, "batch chosen"],
) -> Float[Tensor, "batch patch"]:
    """How similar each query patch is to the valid view patch most similar to it, in [-1, 1]; -1 without one.

    query, views: descriptors of unit length.
    """
    nearest = select_keys(query, views, valid, chosen, k=1).of_patches()
    keys = views.flatten(0, 1)[nearest.among_all(chosen, views.shape[1])]
    return (query * keys.squeeze(2)).sum(-1).masked_fill(~nearest.kept.squeeze(-1), -1.0)


class SelfAttention(nn.Module):
    """Multi-head self-attention over tokens (Eq. 3), in ``inner`` channels."""

    def __init__(self, dim: int, heads: int, inner: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * inner)
        self.out = nn.Linear(inner, dim)

    def forward(self, tokens: Float[Tensor, "batch token channel"]) -> Float[Tensor, "batch token channel"]:
        query, key, value = self.qkv(tokens).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value)
        return self.out(mixed.transpose(1, 2).flatten(2))


class CrossAttention(nn.Module):
    """Multi-head attention of tokens to view patches: each to its own kept keys (Eqs. 4-6, 10, 11), or all to all."""

    def __init__(self, dim: int, heads: int, inner: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(dim, inner)
        self.key = nn.Linear(dim, inner)
        self.value = nn.Linear(dim, inner)
        self.out = nn.Linear(inner, dim)

    def forward(
        self,
        tokens: Float[Tensor, "batch token channel"],
        keys: Float[Tensor, "view key channel"],
        valid: Bool[Tensor, "view key"],
        chosen: Int64[Tensor, "batch chosen"],
        open_to: KeptKeys | Mask | None,
    ) -> Float[Tensor, "batch token channel"]:
        """A token that no key is open to gets out(0). chosen, open_to: as ``attend`` takes them."""
        query, key, value = (
            project(x).unflatten(-1, (self.heads, -1))
            for project, x in ((self.query, tokens), (self.key, keys), (self.value, keys))
        )
        return self.out(attend(query, key, value, valid, chosen, open_to).flatten(2))


def attend(
    query: Float[Tensor, "batch token head channel"],
    key: Float[Tensor, "view key head channel"],
    value: Float[Tensor, "view key head channel"],
    valid: Bool[Tensor, "view key"],
    chosen: Int64[Tensor, "batch chosen"],
    open_to: KeptKeys | Mask | None,
) -> Float[Tensor, "batch token head channel"]:
    """Attention of the tokens of each query to patches of its ``chosen`` views; zeros where none is open to a token.

    open_to: what each token attends to, None for all valid keys. Where it lacks [tok], put first, that sees them all.
    """
    if open_to is None:
        return dense_attention(query, *_own_keys(key, value, chosen), valid[chosen].flatten(1)[:, None])
    told = open_to.rows if isinstance(open_to, KeptKeys) else open_to
    if told.shape[1] < query.shape[1]:
        tok = attend(query[:, :1], key, value, valid, chosen, None)
        return torch.cat([tok, attend(query[:, 1:], key, value, valid, chosen, open_to)], dim=1)
    if isinstance(open_to, KeptKeys):
        rows = open_to.among_all(chosen, key.shape[1])
        return gathered_attention(query, key.flatten(0, 1), value.flatten(0, 1), rows, open_to.kept)
    return dense_attention(query, *_own_keys(key, value, chosen), open_to)


def _own_keys(
    key: Float[Tensor, "view key head channel"],
    value: Float[Tensor, "view key head channel"],
    chosen: Int64[Tensor, "batch chosen"],
) -> tuple[Float[Tensor, "batch all head channel"], Float[Tensor, "batch all head channel"]]:
    """Each query's keys and values, one of its views after the other."""
    return own_views(key, chosen).flatten(1, 2), own_views(value, chosen).flatten(1, 2)


def gathered_attention(
    query: Float[Tensor, "batch token head channel"],
    key: Float[Tensor, "key head channel"],
    value: Float[Tensor, "key head channel"],
    rows: Int64[Tensor, "batch token k"],
    kept: Bool[Tensor, "batch token k"],
) -> Float[Tensor, "batch token head channel"]:
    """Over each token's own ``rows`` of the keys, as far as they are ``kept``: each token is a batch of its own."""
    mixed = []
    flat = (x.flatten(0, 1).split(AT_ONCE[query.device.type]) for x in (query, rows, kept))
    for own, places, open_to in zip(*flat, strict=True):
        own_key, own_value = (x.index_select(0, places.flatten()).unflatten(0, places.shape) for x in (key, value))
        mixed.append(dense_attention(own[:, None], own_key, own_value, open_to[:, None]))
    return torch.cat(mixed).view_as(query)


def dense_attention(
    query: Float[Tensor, "batch token head channel"],
    key: Float[Tensor, "batch key head channel"],
    value: Float[Tensor, "batch key head channel"],
    mask: Bool[Tensor, " batch #token key"],
) -> Float[Tensor, "batch token head channel"]:
    """The same over all keys that ``mask`` leaves open to a token."""
    none = ~mask.any(-1, keepdim=True)
    mixed = functional.scaled_dot_product_attention(
        query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2), (mask | none)[:, None]
    )
    return mixed.transpose(1, 2).masked_fill(none[..., None], 0.0)


def own_views(
    views: Shaped[Tensor, " view *rest"], chosen: Int64[Tensor, "batch chosen"]
) -> Shaped[Tensor, "batch chosen *rest"]:
    """Each query's views of all views.

    >>> own_views(torch.tensor([5.0, 6.0, 7.0]), torch.tensor([[0, 1], [2, 1]])).tolist()
    [[5.0, 6.0], [7.0, 6.0]]
    """
    return views.index_select(0, chosen.flatten()).unflatten(0, chosen.shape)


def gather_rows(
    rows: Shaped[Tensor, "batch row channel"], index: Int64[Tensor, " batch *picked"]
) -> Shaped[Tensor, "batch *picked channel"]:
    """Each batch element picks among its own rows.

    >>> gather_rows(torch.tensor([[[1.0], [2.0]], [[3.0], [4.0]]]), torch.tensor([[1], [0]])).tolist()
    [[[2.0]], [[3.0]]]
    """
    offset = torch.arange(len(rows), device=rows.device) * rows.shape[1]
    flat = (index + offset.view(-1, *[1] * (index.dim() - 1))).flatten()
    return rows.flatten(0, 1).index_select(0, flat).view(*index.shape, rows.shape[-1])
