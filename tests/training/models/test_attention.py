"""Top-k cross-attention against a dense masked reference, and what decides its keys against the whole of M (Eq. 12)."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pipeline.training.config import AttentionWay
from pipeline.training.models import attention
from pipeline.training.models.attention import (
    CrossAttention,
    KeptKeys,
    SelfAttention,
    best_match,
    gather_rows,
    select_keys,
)

DIM, HEADS, INNER, TOKENS = 12, 3, 6, 5
#: Views of the batch, patches of each, and those that its two queries are compared with: one view is shared.
VIEWS, PATCHES, CHOSEN = 5, 6, torch.tensor([[4, 0, 2], [1, 4, 3]])
KEYS = CHOSEN.shape[1] * PATCHES


def by_hand(module: CrossAttention, tokens: Tensor, keys: Tensor, mask: Tensor) -> Tensor:
    """Every token against every key of its query, head by head; none where ``mask`` (b, t, n) is false."""
    own = keys[CHOSEN].flatten(1, 2)
    query, key, value = module.query(tokens), module.key(own), module.value(own)
    width = query.shape[-1] // module.heads
    mixed = []
    for head in range(module.heads):
        part = slice(head * width, (head + 1) * width)
        score = query[..., part] @ key[..., part].transpose(1, 2) / width**0.5
        weight = score.masked_fill(~mask, -torch.inf).softmax(-1).nan_to_num(0.0)
        mixed.append(weight @ value[..., part])
    return module.out(torch.cat(mixed, dim=-1))


def whole(query: Tensor, views: Tensor, valid: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """M (b, t, n) of each query with its own views, and which of the n keys are valid."""
    return query @ views[chosen].flatten(1, 2).mT, valid[chosen].flatten(1)


def dense_mask(similarity: Tensor, key_valid: Tensor, k: int) -> Tensor:
    """(b, 1 + t, n): the k largest valid entries of every row, the first row being the columns' largest entries."""
    rows = torch.cat([similarity.max(dim=1, keepdim=True).values, similarity], dim=1)
    mask = torch.zeros(rows.shape, dtype=torch.bool)
    for b, t in torch.cartesian_prod(torch.arange(len(rows)), torch.arange(rows.shape[1])).tolist():
        valid = torch.nonzero(key_valid[b]).flatten().tolist()
        for n in sorted(valid, key=lambda n: -rows[b, t, n].item())[:k]:
            mask[b, t, n] = True
    return mask


class Case:
    """Random tokens, keys and descriptors in double precision."""

    def __init__(self, gathered: bool = True, share_valid: float = 0.6, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)

        def drawn(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        torch.manual_seed(seed)
        self.way: AttentionWay = "gathered" if gathered else "dense"
        self.module = CrossAttention(DIM, HEADS, INNER).double()
        self.tokens = drawn(2, 1 + TOKENS, DIM).requires_grad_()
        self.keys = drawn(VIEWS, PATCHES, DIM).requires_grad_()
        self.query, self.views = drawn(2, TOKENS, 4), drawn(VIEWS, PATCHES, 4)
        self.valid = torch.rand(VIEWS, PATCHES, generator=generator) < share_valid

    def selection(self, k: int) -> KeptKeys:
        return select_keys(self.query, self.views, self.valid, CHOSEN, k)

    def mask(self, k: int) -> Tensor:
        return dense_mask(*whole(self.query, self.views, self.valid, CHOSEN), k)

    def attend(self, selection: KeptKeys | None) -> Tensor:
        open_to = None if selection is None else selection.opened(KEYS, self.way)
        return self.module(self.tokens, self.keys, self.valid, CHOSEN, open_to)

    def by_hand(self, mask: Tensor) -> Tensor:
        return by_hand(self.module, self.tokens, self.keys, mask)


@pytest.mark.parametrize("gathered", [True, False])
@pytest.mark.parametrize("k", [1, 4, 11, KEYS, 100])
def test_both_attentions_equal_the_one_by_hand_in_value_and_gradient(k: int, gathered: bool) -> None:
    case = Case(gathered)
    leaves = [case.tokens, case.keys, *case.module.parameters()]
    ours, expected = case.attend(case.selection(k)), case.by_hand(case.mask(k))
    torch.testing.assert_close(ours, expected)
    probe = torch.randn(ours.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for a, b in zip(
        torch.autograd.grad((ours * probe).sum(), leaves),
        torch.autograd.grad((expected * probe).sum(), leaves),
        strict=True,
    ):
        torch.testing.assert_close(a, b)


def test_gradients_of_gathered_attention_are_those_of_finite_differences() -> None:
    case = Case()
    selection = case.selection(3)
    assert torch.autograd.gradcheck(
        lambda tokens, keys: case.module(tokens, keys, case.valid, CHOSEN, selection), (case.tokens, case.keys)
    )


@pytest.mark.parametrize("gathered", [True, False])
def test_without_a_selection_every_token_sees_all_valid_keys(gathered: bool) -> None:
    case = Case(gathered)
    mask = case.valid[CHOSEN].flatten(1)[:, None].expand(-1, 1 + TOKENS, -1)
    torch.testing.assert_close(case.attend(None), case.by_hand(mask))


@pytest.mark.parametrize("gathered", [True, False])
def test_where_a_selection_is_of_patches_tok_sees_all_valid_keys_and_they_their_own(gathered: bool) -> None:
    case = Case(gathered)
    mask = case.mask(3)
    assert case.selection(3).of_patches().rows.shape == (2, TOKENS, 3)
    mask[:, 0] = case.valid[CHOSEN].flatten(1)
    torch.testing.assert_close(case.attend(case.selection(3).of_patches()), case.by_hand(mask))
    torch.testing.assert_close(case.attend(case.selection(3))[:, 1:], case.by_hand(mask)[:, 1:])


def test_a_selection_and_its_mask_say_the_same() -> None:
    case = Case()
    for k in (1, 5, 100):
        assert torch.equal(case.selection(k).mask(KEYS), case.mask(k))


@pytest.mark.parametrize("block", [1, 2 * TOKENS * PATCHES, 4 * TOKENS * PATCHES, 7 * TOKENS * PATCHES])
@settings(deadline=None)
@given(seed=st.integers(0, 1000), k=st.integers(1, KEYS + 2), share_valid=st.sampled_from([0.2, 0.6, 1.0]))
def test_in_blocks_the_same_keys_are_kept_as_by_the_whole_of_m(
    block: int, seed: int, k: int, share_valid: float
) -> None:
    """A block of one view, of two (the second of one alone), of one sample, and of two (the second of one alone)."""
    generator = torch.Generator().manual_seed(seed)
    query = torch.randn(3, TOKENS, 4, generator=generator, dtype=torch.float64)
    views = torch.randn(VIEWS, PATCHES, 4, generator=generator, dtype=torch.float64)
    valid = torch.rand(VIEWS, PATCHES, generator=generator) < share_valid
    chosen = torch.stack([torch.randperm(VIEWS, generator=generator)[:3] for _ in range(3)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attention, "BLOCK", block)
        kept = select_keys(query, views, valid, chosen, k)
    expected = dense_mask(*whole(query, views, valid, chosen), k)
    assert torch.equal(kept.mask(KEYS), expected)
    assert torch.equal(kept.kept.sum(-1), expected.sum(-1))  # none twice


@pytest.mark.parametrize(("block", "most"), [(1, 1), (2 * TOKENS * PATCHES, 2), (7 * TOKENS * PATCHES, 6)])
def test_no_more_of_m_is_in_memory_than_a_block_or_a_view(
    block: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """most: of a query with one view."""
    sizes: list[int] = []

    class Noting(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function, types, arguments=(), settings=None):  # type: ignore[no-untyped-def]
            result = function(*arguments, **(settings or {}))
            if isinstance(result, Tensor):
                sizes.append(result.numel())
            return result

    monkeypatch.setattr(attention, "BLOCK", block)
    query, views = torch.randn(3, TOKENS, 4), torch.randn(VIEWS, PATCHES, 4)
    with Noting():
        select_keys(query, views, torch.ones(VIEWS, PATCHES, dtype=torch.bool), torch.tensor([[4, 0, 2]] * 3), 1)
    assert max(sizes) == most * TOKENS * PATCHES


@pytest.mark.parametrize("gathered", [True, False])
def test_half_precision_stays_close(gathered: bool) -> None:
    case = Case(gathered)
    selection = case.selection(4).opened(KEYS, case.way)
    module, tokens, keys = case.module.float(), case.tokens.float(), case.keys.float()
    exact = module(tokens, keys, case.valid, CHOSEN, selection)
    with torch.autocast("cpu", torch.bfloat16):
        half = module(tokens, keys, case.valid, CHOSEN, selection)
    torch.testing.assert_close(half.float(), exact, rtol=0.05, atol=0.03)


def test_k_of_all_keys_is_full_attention() -> None:
    case = Case(share_valid=1.0)
    full = case.by_hand(torch.ones(2, 1 + TOKENS, KEYS, dtype=torch.bool))
    torch.testing.assert_close(case.attend(case.selection(KEYS)), full)


def test_background_keys_change_nothing_and_receive_no_gradient() -> None:
    case = Case()
    before = case.attend(case.selection(100))
    (gradient,) = torch.autograd.grad(before.square().sum(), case.keys)
    assert (gradient[~case.valid] == 0).all() and (gradient[case.valid] != 0).any(-1).all()
    background = ~case.valid[..., None]
    case.views, case.keys = case.views.masked_fill(background, 1e6), case.keys.detach().masked_fill(background, 1e6)
    torch.testing.assert_close(before, case.attend(case.selection(100)))


def test_a_token_without_any_valid_key_receives_only_the_output_bias() -> None:
    case = Case(share_valid=0.0)
    for selection in (case.selection(4), None):
        result = case.attend(selection)
        torch.testing.assert_close(result, case.module.out.bias.expand_as(result))


def test_tok_keeps_the_keys_that_any_query_patch_matches_best() -> None:
    similarity = torch.tensor([[0.9, 0.0, 0.1, 0.2], [0.0, 0.1, 0.8, 0.3]])
    selection = select_keys(
        torch.eye(2)[None], similarity.T[None], torch.ones(1, 4, dtype=torch.bool), torch.tensor([[0]]), 2
    )
    assert [set(row) for row in selection.rows[0].tolist()] == [{0, 2}, {0, 3}, {2, 3}]
    assert selection.kept.all()


def test_rows_of_a_querys_views_are_found_again_among_those_of_all() -> None:
    selection = Case().selection(KEYS)
    for b, t, i in torch.cartesian_prod(*(torch.arange(n) for n in selection.rows.shape)).tolist():
        place, patch = divmod(int(selection.rows[b, t, i]), PATCHES)
        assert selection.among_all(CHOSEN, PATCHES)[b, t, i] == CHOSEN[b, place] * PATCHES + patch


def test_cross_attention_memory_grows_with_k_and_not_with_the_number_of_keys() -> None:
    def largest_saved(keys_count: int, k: int) -> int:
        sizes: list[int] = []

        def record(tensor: Tensor) -> Tensor:
            sizes.append(tensor.numel())
            return tensor

        module = CrossAttention(DIM, HEADS, DIM)
        tokens, keys = torch.randn(1, 64, DIM), torch.randn(1, keys_count, DIM, requires_grad=True)
        rows, valid = torch.randint(keys_count, (1, 64, k)), torch.ones(1, keys_count, dtype=torch.bool)
        with torch.autograd.graph.saved_tensors_hooks(record, lambda tensor: tensor):
            module(tokens, keys, valid, torch.tensor([[0]]), KeptKeys(rows, torch.ones_like(rows, dtype=torch.bool)))
        return max(sizes)

    assert largest_saved(500, 10) == largest_saved(50, 10) == 64 * 10 * DIM
    assert largest_saved(500, 20) == 2 * largest_saved(500, 10)


def test_gathering_rows_picks_within_each_batch_element() -> None:
    rows = torch.arange(2 * 3 * 2).view(2, 3, 2)
    index = torch.tensor([[[2, 0]], [[1, 1]]])
    expected = torch.stack([rows[b][index[b]] for b in range(2)])
    assert torch.equal(gather_rows(rows, index), expected)


def test_self_attention_equals_torch_multihead_attention() -> None:
    module = SelfAttention(DIM, HEADS, DIM)
    reference = torch.nn.MultiheadAttention(DIM, HEADS, batch_first=True)
    reference.load_state_dict(
        {
            "in_proj_weight": module.qkv.weight,
            "in_proj_bias": module.qkv.bias,
            "out_proj.weight": module.out.weight,
            "out_proj.bias": module.out.bias,
        }
    )
    tokens = torch.randn(2, 7, DIM)
    torch.testing.assert_close(module(tokens), reference(tokens, tokens, tokens)[0])


def test_self_attention_of_another_width_equals_the_one_by_hand() -> None:
    module, tokens = SelfAttention(DIM, HEADS, INNER), torch.randn(2, 7, DIM)
    mixed = []
    for query, key, value in zip(
        *(x.split(INNER // HEADS, dim=-1) for x in module.qkv(tokens).chunk(3, -1)), strict=True
    ):
        mixed.append((query @ key.mT / (INNER // HEADS) ** 0.5).softmax(-1) @ value)
    torch.testing.assert_close(module(tokens), module.out(torch.cat(mixed, dim=-1)))


def test_the_best_match_is_the_most_similar_valid_key() -> None:
    similarity = torch.tensor([[0.9, 0.3, -0.2], [0.1, 0.2, 0.8]])
    valid, chosen = torch.tensor([[False, True, True]]), torch.tensor([[0]])
    descriptors = torch.eye(2)[None], similarity.T[None]
    torch.testing.assert_close(best_match(*descriptors, valid, chosen), torch.tensor([[0.3, 0.8]]))
    assert (best_match(*descriptors, torch.zeros_like(valid), chosen) == -1).all()


def test_the_best_match_teaches_the_descriptors_that_it_is_of() -> None:
    case = Case()
    query, views = case.query.requires_grad_(), case.views.requires_grad_()
    similarity, valid = whole(query, views, case.valid, CHOSEN)
    expected = similarity.masked_fill(~valid[:, None], -torch.inf).amax(-1)
    found = best_match(query, views, case.valid, CHOSEN)
    torch.testing.assert_close(found, expected)
    gradients = (torch.autograd.grad(x.square().sum(), (query, views)) for x in (found, expected))
    torch.testing.assert_close(*gradients)
