"""Top-k cross-attention against a dense masked reference."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pipeline.training.models.attention import (
    CrossAttention,
    KeptKeys,
    SelfAttention,
    best_match,
    gather_rows,
    select_keys,
)

DIM, HEADS, TOKENS, KEYS = 12, 3, 5, 17


def by_hand(module: CrossAttention, tokens: Tensor, keys: Tensor, mask: Tensor) -> Tensor:
    """Every token against every key, head by head; keys where ``mask`` (b, t, n) is false get no weight."""
    query, key, value = module.query(tokens), module.key(keys), module.value(keys)
    width = query.shape[-1] // module.heads
    mixed = []
    for head in range(module.heads):
        part = slice(head * width, (head + 1) * width)
        score = query[..., part] @ key[..., part].transpose(1, 2) / width**0.5
        weight = score.masked_fill(~mask, -torch.inf).softmax(-1).nan_to_num(0.0)
        mixed.append(weight @ value[..., part])
    return module.out(torch.cat(mixed, dim=-1))


def dense_mask(similarity: Tensor, key_valid: Tensor, k: int) -> Tensor:
    """(b, 1 + t, n): the k largest valid entries of every row, the first row being the columns' largest entries."""
    rows = torch.cat([similarity.max(dim=1, keepdim=True).values, similarity], dim=1)
    mask = torch.zeros(rows.shape, dtype=torch.bool)
    for b, t in torch.cartesian_prod(torch.arange(len(rows)), torch.arange(rows.shape[1])).tolist():
        valid = torch.nonzero(key_valid[b]).flatten().tolist()
        for n in sorted(valid, key=lambda n: -rows[b, t, n].item())[:k]:
            mask[b, t, n] = True
    return mask


def inputs(gathered: bool = True, seed: int = 0) -> tuple[CrossAttention, Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    module = CrossAttention(DIM, HEADS, gathered).double()
    tokens = torch.randn(2, 1 + TOKENS, DIM, generator=generator, dtype=torch.float64, requires_grad=True)
    keys = torch.randn(2, KEYS, DIM, generator=generator, dtype=torch.float64, requires_grad=True)
    similarity = torch.randn(2, TOKENS, KEYS, generator=generator, dtype=torch.float64)
    key_valid = torch.rand(2, KEYS, generator=generator) < 0.6
    return module, tokens, keys, similarity, key_valid


@pytest.mark.parametrize("gathered", [True, False])
@pytest.mark.parametrize("k", [1, 4, 11, KEYS, 100])
def test_both_attentions_equal_the_one_by_hand_in_value_and_gradient(k: int, gathered: bool) -> None:
    module, tokens, keys, similarity, key_valid = inputs(gathered=gathered)
    leaves = [tokens, keys, *module.parameters()]
    ours = module(tokens, keys, key_valid, select_keys(similarity, key_valid, k))
    expected = by_hand(module, tokens, keys, dense_mask(similarity, key_valid, k))
    torch.testing.assert_close(ours, expected)
    probe = torch.randn(ours.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for a, b in zip(
        torch.autograd.grad((ours * probe).sum(), leaves),
        torch.autograd.grad((expected * probe).sum(), leaves),
        strict=True,
    ):
        torch.testing.assert_close(a, b)


def test_gradients_of_gathered_attention_are_those_of_finite_differences() -> None:
    module, tokens, keys, similarity, key_valid = inputs()
    selection = select_keys(similarity, key_valid, 3)
    assert torch.autograd.gradcheck(lambda t, k: module(t, k, key_valid, selection), (tokens, keys))


def test_without_a_selection_every_token_sees_all_valid_keys() -> None:
    module, tokens, keys, _, key_valid = inputs()
    mask = key_valid[:, None].expand(-1, 1 + TOKENS, -1)
    torch.testing.assert_close(module(tokens, keys, key_valid, None), by_hand(module, tokens, keys, mask))


def test_a_selection_and_its_mask_say_the_same() -> None:
    _, _, _, similarity, key_valid = inputs()
    for k in (1, 5, 100):
        assert torch.equal(select_keys(similarity, key_valid, k).mask(KEYS), dense_mask(similarity, key_valid, k))


@pytest.mark.parametrize("gathered", [True, False])
def test_half_precision_stays_close(gathered: bool) -> None:
    module, tokens, keys, similarity, key_valid = inputs(gathered=gathered)
    module, tokens, keys = module.float(), tokens.float(), keys.float()
    selection = select_keys(similarity.float(), key_valid, 4)
    exact = module(tokens, keys, key_valid, selection)
    with torch.autocast("cpu", torch.bfloat16):
        half = module(tokens, keys, key_valid, selection)
    torch.testing.assert_close(half.float(), exact, rtol=0.05, atol=0.03)


def test_k_of_all_keys_is_full_attention() -> None:
    module, tokens, keys, similarity, _ = inputs()
    everything = torch.ones(2, KEYS, dtype=torch.bool)
    fast = module(tokens, keys, everything, select_keys(similarity, everything, KEYS))
    full = by_hand(module, tokens, keys, everything[:, None].expand(-1, 1 + TOKENS, -1))
    torch.testing.assert_close(fast, full)


def test_background_keys_change_nothing_and_receive_no_gradient() -> None:
    module, tokens, keys, similarity, key_valid = inputs()
    before = module(tokens, keys, key_valid, select_keys(similarity, key_valid, 100))
    (gradient,) = torch.autograd.grad(before.square().sum(), keys)
    assert (gradient[~key_valid] == 0).all() and (gradient[key_valid] != 0).any(-1).all()
    loud_similarity = similarity.masked_fill(~key_valid[:, None], 1e6)
    loud_keys = keys.detach().masked_fill(~key_valid[..., None], 1e6)
    torch.testing.assert_close(
        before, module(tokens, loud_keys, key_valid, select_keys(loud_similarity, key_valid, 100))
    )


def test_a_token_without_any_valid_key_receives_only_the_output_bias() -> None:
    module, tokens, keys, similarity, _ = inputs()
    nothing = torch.zeros(2, KEYS, dtype=torch.bool)
    result = module(tokens, keys, nothing, select_keys(similarity, nothing, 4))
    torch.testing.assert_close(result, module.out.bias.expand_as(result))


def test_tok_keeps_the_keys_that_any_query_patch_matches_best() -> None:
    similarity = torch.tensor([[[0.9, 0.0, 0.1, 0.2], [0.0, 0.1, 0.8, 0.3]]])
    selection = select_keys(similarity, torch.ones(1, 4, dtype=torch.bool), 2)
    assert [set(row) for row in selection.rows[0].tolist()] == [{0, 2}, {0, 3}, {2, 3}]
    assert selection.kept.all()


def test_cross_attention_memory_grows_with_k_and_not_with_the_number_of_keys() -> None:
    def largest_saved(keys_count: int, k: int) -> int:
        sizes: list[int] = []

        def record(tensor: Tensor) -> Tensor:
            sizes.append(tensor.numel())
            return tensor

        module = CrossAttention(DIM, HEADS, gathered=True)
        tokens, keys = torch.randn(1, 64, DIM), torch.randn(1, keys_count, DIM, requires_grad=True)
        rows, valid = torch.randint(keys_count, (1, 64, k)), torch.ones(1, keys_count, dtype=torch.bool)
        with torch.autograd.graph.saved_tensors_hooks(record, lambda tensor: tensor):
            module(tokens, keys, valid, KeptKeys(rows, torch.ones_like(rows, dtype=torch.bool)))
        return max(sizes)

    assert largest_saved(500, 10) == largest_saved(50, 10) == 64 * 10 * DIM
    assert largest_saved(500, 20) == 2 * largest_saved(500, 10)


def test_gathering_rows_picks_within_each_batch_element() -> None:
    rows = torch.arange(2 * 3 * 2).view(2, 3, 2)
    index = torch.tensor([[[2, 0]], [[1, 1]]])
    expected = torch.stack([rows[b][index[b]] for b in range(2)])
    assert torch.equal(gather_rows(rows, index), expected)


def test_self_attention_equals_torch_multihead_attention() -> None:
    module = SelfAttention(DIM, HEADS)
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


def test_the_best_match_is_the_most_similar_valid_key() -> None:
    similarity = torch.tensor([[[0.9, 0.3, -0.2], [0.1, 0.2, 0.8]]])
    valid = torch.tensor([[False, True, True]])
    torch.testing.assert_close(best_match(similarity, valid), torch.tensor([[0.3, 0.8]]))
    assert (best_match(similarity, torch.zeros_like(valid)) == -1).all()
