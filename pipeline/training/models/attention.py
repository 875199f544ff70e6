"""Self-attention, and cross-attention to the k most similar view patches (paper Eqs. 3-12).

Top-k attention comes twice: gathered, which fetches the kept keys before it multiplies, so that its memory and time
grow with k and not with the number of view patches; and dense, the plain one, which masks all others out of the full
matrix of tokens by keys. Both give the same numbers; the tests hold one against the other.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int64, Shaped
from torch import Tensor, nn
from torch.nn import functional


class KeptKeys(NamedTuple):
    """Which keys each token attends to.

    rows: which of the keys; kept: false where fewer than k keys exist.
    """

    rows: Int64[Tensor, "batch token k"]
    kept: Bool[Tensor, "batch token k"]

    def mask(self, keys: int) -> Bool[Tensor, "batch token {keys}"]:
        """The same as a dense mask.

        >>> KeptKeys(torch.tensor([[[2, 0]]]), torch.tensor([[[True, False]]])).mask(3).tolist()
        [[[False, False, True]]]
        """
        shape = (*self.rows.shape[:-1], keys)
        counts = torch.zeros(shape, dtype=torch.uint8, device=self.rows.device)
        return counts.scatter_add(-1, self.rows, self.kept.to(torch.uint8)) > 0


def select_keys(similarity: Float[Tensor, "batch patch key"], key_valid: Bool[Tensor, "batch key"], k: int) -> KeptKeys:
    """The k valid keys most similar to each query patch, with a row for [tok] put first (Eq. 12).

    similarity: M of Eq. 12. [tok] is no patch and has no descriptor: it keeps the view patches that any query patch
    matches best, so its similarity to a key is the largest over the query's patches.

    >>> select_keys(torch.tensor([[[0.9, 0.1, 0.2], [0.1, 0.3, 0.8]]]), torch.ones(1, 3).bool(), k=1).rows.tolist()
    [[[0], [0], [2]]]
    """
    scores = similarity.detach().masked_fill(~key_valid[:, None], -torch.inf)
    k = min(k, scores.shape[-1])
    tok, patches = scores.amax(dim=1, keepdim=True).topk(k), scores.topk(k)
    kept = torch.cat([tok.values, patches.values], dim=1) > -torch.inf
    return KeptKeys(torch.cat([tok.indices, patches.indices], dim=1), kept)


def best_match(
    similarity: Float[Tensor, "batch patch key"], key_valid: Bool[Tensor, "batch key"]
) -> Float[Tensor, "batch patch"]:
    """How similar each query patch is to the valid view patch most similar to it, in [-1, 1]; -1 without one.

    similarity: M of Eq. 12.
    """
    return similarity.masked_fill(~key_valid[:, None], -1.0).amax(dim=-1)


class SelfAttention(nn.Module):
    """Multi-head self-attention over tokens (Eq. 3)."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)

    def forward(self, tokens: Float[Tensor, "batch token channel"]) -> Float[Tensor, "batch token channel"]:
        query, key, value = self.qkv(tokens).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value)
        return self.out(mixed.transpose(1, 2).flatten(2))


class CrossAttention(nn.Module):
    """Multi-head attention of tokens to view patches: each to its own kept keys (Eqs. 4-6, 10, 11), or all to all."""

    def __init__(self, dim: int, heads: int, gathered: bool) -> None:
        super().__init__()
        self.heads = heads
        self.gathered = gathered
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim)
        self.value = nn.Linear(dim, dim)
        self.out = nn.Linear(dim, dim)

    def forward(
        self,
        tokens: Float[Tensor, "batch token channel"],
        keys: Float[Tensor, "batch key channel"],
        key_valid: Bool[Tensor, "batch key"],
        selection: KeptKeys | None,
    ) -> Float[Tensor, "batch token channel"]:
        """A token that no key is open to gets out(0). selection: what each attends to, None for all valid keys."""
        query, key, value = (
            project(x).unflatten(-1, (self.heads, -1))
            for project, x in ((self.query, tokens), (self.key, keys), (self.value, keys))
        )
        if selection is None:
            mixed = dense_attention(query, key, value, key_valid[:, None])
        elif self.gathered:
            mixed = gathered_attention(query, key, value, selection)
        else:
            mixed = dense_attention(query, key, value, selection.mask(keys.shape[1]))
        return self.out(mixed.flatten(2))


def gathered_attention(
    query: Float[Tensor, "batch token head channel"],
    key: Float[Tensor, "batch key head channel"],
    value: Float[Tensor, "batch key head channel"],
    selection: KeptKeys,
) -> Float[Tensor, "batch token head channel"]:
    """Over each token's kept keys only."""
    own_key, own_value = (
        gather_rows(rows.flatten(2), selection.rows).unflatten(-1, rows.shape[2:]) for rows in (key, value)
    )
    score = (query[:, :, None] * own_key).sum(-1) * query.shape[-1] ** -0.5  # batch token k head
    score = score.to(torch.promote_types(score.dtype, torch.float32))  # half precision would lose small weights
    dropped = ~selection.kept[..., None]
    weight = score.masked_fill(dropped, torch.finfo(score.dtype).min).softmax(dim=2).masked_fill(dropped, 0.0)
    return (weight.to(value.dtype)[..., None] * own_value).sum(2)


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
