"""Presets, variants and overrides of a training run."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.settings.loading import PRESETS
from pipeline.training.config import MODEL_CONFIGS, CMTConfig, TrainingConfig, ViTConfig, load_training

KINDS = {
    "query-only": "query-only",
    "query-attention": "query-only",
    "vit": "vit",
    "contrastive": "contrastive",
    "light-field": "light-field",
    "published": "published",
    "compare": "compare",
    "compare-alone": "compare",
    "compare-views": "compare",
}
VARIANTS = sorted(path.stem for path in (PRESETS / "training" / "variants").glob("*.yaml"))


@pytest.mark.parametrize("preset", [None, "training/cmt", "training/cpu-small", "training/published"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_goes_with_every_preset(variant: str, preset: str | None) -> None:
    config, plain = load_training(preset, variant), load_training(preset)
    assert config.model.kind == KINDS.get(variant, "cmt")
    assert (config.batch, config.reference_views) == (plain.batch, plain.reference_views)
    # A U-Net without momentum learns little.
    assert config.betas == ((0.9, 0.999) if config.model.kind == "compare" else plain.betas)


@pytest.mark.parametrize("kind", ["cmt", "query-only", "contrastive"])
def test_encoders_too_narrow_for_some_processors_are_refused_with_the_reason(kind: str) -> None:
    settings = f"model.kind={kind}", "model.encoder_width=7"
    with pytest.raises(PipelineError, match=r"encoder_width = 7: .*at least 8: on processors with AVX2 alone.*oneDNN"):
        load_training(None, None, settings)
    assert load_training(None, None, [settings[0], "model.encoder_width=8"]).model.encoder_width == 8  # type: ignore[union-attr]


@pytest.mark.parametrize("variant", ["compare-views", "compare-alone"])
def test_references_without_parts_cannot_be_altered(variant: str) -> None:
    with pytest.raises(PipelineError, match=r"altered = 0\.3: .*moves parts of a mesh, which needs reference = mesh"):
        load_training(None, variant, ["model.altered=0.3"])


def test_parts_of_a_batch_are_refused_where_the_batch_is_what_is_learnt_from() -> None:
    with pytest.raises(PipelineError, match=r"accumulate = 2: .*contrastive model learns from the other shapes"):
        load_training(None, "contrastive", ["accumulate=2"])
    assert load_training(None, "full", ["accumulate=2"]).accumulate == 2


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_says_in_a_comment_what_it_is(variant: str) -> None:
    text = (PRESETS / "training" / "variants" / f"{variant}.yaml").read_text()
    assert text.startswith("# ")


@pytest.mark.parametrize(
    ("variant", "guided", "aligned", "position"),
    [
        ("a", False, False, False),
        ("b", True, False, False),
        ("c", False, True, False),
        ("d", True, True, False),
        ("full", True, True, True),
        ("no-alignment", True, False, True),
        ("all-keys", False, True, True),
    ],
)
def test_variants_have_the_parts_that_the_paper_says(variant: str, guided: bool, aligned: bool, position: bool) -> None:
    config = load_training(None, variant)
    assert isinstance(config.model, CMTConfig)
    assert (config.model.guided, config.alignment_weight > 0, config.model.position) == (guided, aligned, position)


def test_variants_differ_from_the_paper_in_nothing_else() -> None:
    paper = TrainingConfig()
    assert load_training(None, "full") == paper
    parts, terms = {"guided", "position"}, {"model", "alignment_weight", "alignment_balance"}
    for variant in ("a", "b", "c", "d", "no-alignment", "query-view", "view-view", "all-keys"):
        config = load_training(None, variant)
        assert config.model.model_dump(exclude=parts) == paper.model.model_dump(exclude=parts)
        assert config.model_dump(exclude=terms) == paper.model_dump(exclude=terms)


def test_single_alignment_terms_are_the_ends_of_their_balance() -> None:
    both = {name: load_training(None, name) for name in ("query-view", "view-view")}
    assert {name: config.alignment_balance for name, config in both.items()} == {"query-view": 1.0, "view-view": 0.0}
    assert all(config.alignment_weight == 1 for config in both.values())


def test_a_variant_of_the_same_kind_leaves_the_rest_of_the_model_section() -> None:
    config = load_training("training/cpu-small", "a")
    assert isinstance(config.model, CMTConfig)
    assert (config.model.dim, config.model.top_k, config.model.guided) == (32, 20, False)


def test_a_variant_of_another_kind_keeps_what_that_kind_has_and_drops_the_rest() -> None:
    config = load_training("training/cpu-small", "vit")
    assert config.model == ViTConfig(dim=32, heads=4, feed_forward=64)


def test_overrides_win_over_the_variant_and_the_variant_over_the_preset(tmp_path: Path) -> None:
    preset = tmp_path / "mine.yaml"
    preset.write_text("alignment_weight: 0.25\nmodel: {guided: true, top_k: 7}\n")
    assert load_training(str(preset)).alignment_weight == 0.25
    assert load_training(str(preset), "a").alignment_weight == 0.0
    config = load_training(str(preset), "a", ["alignment_weight=0.75", "model.guided=true", "model.top_k=9"])
    assert isinstance(config.model, CMTConfig)
    assert (config.alignment_weight, config.model.guided, config.model.top_k) == (0.75, True, 9)


@pytest.mark.parametrize("k", [10, 200])
def test_sweeps_of_k_and_of_the_views_are_overrides(k: int) -> None:
    config = load_training(None, None, [f"model.top_k={k}", "reference_views=5"])
    assert config == TrainingConfig(model=CMTConfig(top_k=k), reference_views=5)


@pytest.mark.parametrize("kind", MODEL_CONFIGS)
def test_a_kind_alone_gives_its_defaults(kind: str) -> None:
    config = load_training(None, None, [f"model.kind={kind}"])
    assert config.model == MODEL_CONFIGS[kind]()
    assert TrainingConfig.model_validate(config.model_dump()) == config


@pytest.mark.parametrize(
    ("variant", "override", "fragments"),
    [
        (None, "model.top_kk=3", ["top_kk'", "allowed here", "top_k", "projector_dim"]),
        ("vit", "model.top_k=3", ["top_k'", "allowed here", "patch", "variants/vit.yaml"]),
        ("light-field", "model.dim=3", ["dim'", "harmonics"]),
        ("vit", "model.dim=30", ["30", "multiple of 4"]),
        ("query-only", "model.heads=3", ["heads must divide dim, got dim 128 and heads 3"]),
        (None, "model.kind=resnet", ["resnet", "'cmt'", "'light-field'"]),
        (None, "model=3", ["model = 3"]),
        (None, "views=3", ["'views' is called 'reference_views' now"]),
        ("nothing", "reference_views=3", ["training/variants/nothing", "training/variants/no-alignment"]),
    ],
)
def test_mistakes_are_named_with_what_is_allowed(variant: str | None, override: str, fragments: list[str]) -> None:
    with pytest.raises(PipelineError) as caught:
        load_training(None, variant, [override])
    assert [fragment for fragment in fragments if fragment not in str(caught.value)] == []


@pytest.mark.parametrize("kind", MODEL_CONFIGS)
def test_every_setting_of_a_model_is_documented(kind: str) -> None:
    fields = MODEL_CONFIGS[kind].model_fields
    assert [name for name, field in fields.items() if name != "kind" and not field.description] == []


def test_file_names_are_taken_as_they_were_typed() -> None:
    config = load_training(None, None, ["encoder_weights=run #1: best.pt", "model.attention=dense", "epochs=3"])
    assert (config.encoder_weights, config.epochs) == ("run #1: best.pt", 3)
