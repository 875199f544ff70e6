"""Self-attention, and cross-attention to the k most similar view patches (paper Eqs. 3-12).

Top-k attention comes twice: gathered, which fetches the kept keys before it multiplies, so that its memory and time
grow with k and not with the number of view patches; and dense, the plain one, which masks all others out of the full
matrix of tokens by keys. Both give the same numbers; the tests hold one against the other.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional


class KeptKeys(NamedTuple):
    """Which keys each token attends to.

    rows: (b, t, k) int64, which of the keys; kept: (b, t, k) bool, false where fewer than k keys exist.
    """

    rows: Tensor
    kept: Tensor

    def mask(self, keys: int) -> Tensor:
        """(b, t, keys) bool: the same as a dense mask."""
        shape = (*self.rows.shape[:-1], keys)
        counts = torch.zeros(shape, dtype=torch.uint8, device=self.rows.device)
        return counts.scatter_add(-1, self.rows, self.kept.to(torch.uint8)) > 0


def select_keys(similarity: Tensor, key_valid: Tensor, k: int) -> KeptKeys:
    """The k valid keys most similar to each query patch, with a row for [tok] put first (Eq. 12).

    similarity: (b, t, n), M of Eq. 12; key_valid: (b, n) bool. Returns rows for 1 + t tokens.
    [tok] is no patch and has no descriptor: it keeps the view patches that any query patch matches best,
    so its similarity to a key is the largest over the query's patches.
    """
    scores = similarity.detach().masked_fill(~key_valid[:, None], -torch.inf)
    k = min(k, scores.shape[-1])
    tok, patches = scores.amax(dim=1, keepdim=True).topk(k), scores.topk(k)
    kept = torch.cat([tok.values, patches.values], dim=1) > -torch.inf
    return KeptKeys(torch.cat([tok.indices, patches.indices], dim=1), kept)


def best_match(similarity: Tensor, key_valid: Tensor) -> Tensor:
    """(b, t): how similar each query patch is to the valid view patch most similar to it, in [-1, 1]; -1 without one.

    similarity: (b, t, n), M of Eq. 12; key_valid: (b, n) bool.
    """
    return similarity.masked_fill(~key_valid[:, None], -1.0).amax(dim=-1)


class SelfAttention(nn.Module):
    """Multi-head self-attention over tokens, (b, t, dim) to (b, t, dim) (Eq. 3)."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)

    def forward(self, tokens: Tensor) -> Tensor:
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

    def forward(self, tokens: Tensor, keys: Tensor, key_valid: Tensor, selection: KeptKeys | None) -> Tensor:
        """tokens (b, t, dim) and keys (b, n, dim) to (b, t, dim); a token that no key is open to gets out(0).

        key_valid: (b, n) bool; selection: what each token attends to, None for all valid keys.
        """
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


def gathered_attention(query: Tensor, key: Tensor, value: Tensor, selection: KeptKeys) -> Tensor:
    """query (b, t, h, c), key and value (b, n, h, c) to (b, t, h, c), over each token's kept keys only."""
    own_key, own_value = (
        gather_rows(rows.flatten(2), selection.rows).unflatten(-1, rows.shape[2:]) for rows in (key, value)
    )
    score = (query[:, :, None] * own_key).sum(-1) * query.shape[-1] ** -0.5  # b t k h
    score = score.to(torch.promote_types(score.dtype, torch.float32))  # half precision would lose small weights
    dropped = ~selection.kept[..., None]
    weight = score.masked_fill(dropped, torch.finfo(score.dtype).min).softmax(dim=2).masked_fill(dropped, 0.0)
    return (weight.to(value.dtype)[..., None] * own_value).sum(2)


def dense_attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
    """The same over all keys that ``mask``, (b, t or 1, n) bool, leaves open to a token."""
    none = ~mask.any(-1, keepdim=True)
    mixed = functional.scaled_dot_product_attention(
        query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2), (mask | none)[:, None]
    )
    return mixed.transpose(1, 2).masked_fill(none[..., None], 0.0)


def gather_rows(rows: Tensor, index: Tensor) -> Tensor:
    """rows (b, n, c) and index (b, ...) int64 to (b, ..., c): each batch element picks among its own rows."""
    offset = torch.arange(len(rows), device=rows.device) * rows.shape[1]
    flat = (index + offset.view(-1, *[1] * (index.dim() - 1))).flatten()
    return rows.flatten(0, 1).index_select(0, flat).view(*index.shape, rows.shape[-1])
