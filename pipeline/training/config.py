"""Settings of one training run. The defaults are the paper's (Looking 3D, CVPR 2024, section 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from pipeline.settings.base import Fraction, StrictModel
from pipeline.settings.loading import parse, read_settings
from pipeline.settings.overrides import override


def _wide_enough(value: int) -> int:
    if value < 8:
        raise ValueError(
            "must be at least 8: on processors with AVX2 alone, PyTorch's strided 1x1 convolution (oneDNN) of fewer "
            "channels damages memory in training and ends the process"
        )
    return value


#: A model's sizes have bounds, since a file from anywhere may ask for one.
WIDEST, MOST_BLOCKS = 16_384, 256
EncoderWidth = Annotated[int, Field(le=WIDEST), AfterValidator(_wide_enough)]


class _Heads(StrictModel):
    """What models with attention heads over ``dim`` channels have in common."""

    dim: int = Field(128, ge=1, le=WIDEST, description="channels d of features and tokens")
    heads: int = Field(8, ge=1, le=WIDEST, description="attention heads; must divide dim")
    feed_forward: int = Field(512, ge=1, le=WIDEST, description="hidden width of the blocks' feed-forward network")
    box_head: bool = Field(True, description="also regress the anomaly's box")

    @model_validator(mode="after")
    def _heads_divide_dim(self) -> Self:
        if self.dim % self.heads:
            raise ValueError(f"heads must divide dim, got dim {self.dim} and heads {self.heads}")
        return self


AttentionWay = Literal["auto", "gathered", "dense"]


class CMTConfig(_Heads):
    """The paper's model and its ablations: two runs exchange weights only where all of these agree."""

    kind: Literal["cmt"] = "cmt"
    encoder_width: EncoderWidth = Field(64, description="channels of the first ResNet stage; 64 is ResNet-18")
    blocks: int = Field(3, ge=0, le=MOST_BLOCKS, description="CGA blocks B")
    inner: int | None = Field(
        None,
        ge=1,
        le=WIDEST,
        description="channels of the attentions' queries, keys and values; null: dim, as in the paper",
    )
    guided: bool = Field(True, description="CGA: attend to the most similar view patches only; false: to all of them")
    top_k: int = Field(100, ge=1, description="view patches each query token attends to (k), where guided")
    tok_sees_all: bool = Field(
        False, description="[tok] attends to all view patches, as in the published code, not to its own top_k"
    )
    attention: AttentionWay = Field(
        "auto",
        description="how top-k attention is computed, the same numbers: gathered costs by k, dense by all patches; "
        "auto: dense on GPUs, gathered on CPUs",
    )
    position: bool = Field(True, description="3DPE: fuse view features with where their patches lie")
    octaves: int = Field(10, ge=0, le=64, description="octaves of the 3D position's Fourier features")
    projector_hidden: int = Field(1024, ge=1, le=WIDEST, description="hidden width of the four-layer projector beta")
    projector_dim: int = Field(256, ge=1, le=WIDEST, description="channels of beta's descriptors")
    match_score: bool = Field(
        False, description="beyond the paper: tell each token how similar its patch is to its best match, by M"
    )
    patch_head: bool = Field(
        False,
        description="beyond the paper: say of each patch, too, whether it shows the anomaly, and learn that from masks",
    )

    @model_validator(mode="after")
    def _heads_divide_inner(self) -> Self:
        if self.inner is not None and self.inner % self.heads:
            raise ValueError(f"heads must divide inner, got inner {self.inner} and heads {self.heads}")
        return self


class QueryOnlyConfig(_Heads):
    """ResNet18-FPN that sees the query alone (Table 2): pooled, or read by self-attention through [tok]."""

    kind: Literal["query-only"] = "query-only"
    encoder_width: EncoderWidth = Field(64, description="channels of the first ResNet stage; 64 is ResNet-18")
    blocks: int = Field(0, ge=0, le=MOST_BLOCKS, description="self-attention blocks; 0 pools the features instead")
    patch_head: bool = Field(
        False,
        description="beyond the paper: say of each patch, too, whether it shows the anomaly, and learn that from masks",
    )


class ViTConfig(_Heads):
    """A vision transformer that sees the query alone (Table 2); the defaults are ViT-S/16's."""

    kind: Literal["vit"] = "vit"
    dim: int = Field(384, ge=4, le=WIDEST, multiple_of=4, description="channels of the tokens")
    heads: int = Field(6, ge=1, le=WIDEST, description="attention heads; must divide dim")
    feed_forward: int = Field(1536, ge=1, le=WIDEST, description="hidden width of the blocks' feed-forward network")
    blocks: int = Field(12, ge=1, le=MOST_BLOCKS, description="transformer blocks")
    patch: int = Field(16, ge=1, le=WIDEST, description="edge of a patch in pixels; must divide the image's")


class ContrastiveConfig(StrictModel):
    """Shape retrieval after Lin et al., ICCV 2021: is the query near its own shape in a common embedding?"""

    kind: Literal["contrastive"] = "contrastive"
    dim: int = Field(128, ge=1, le=WIDEST, description="channels of the encoder's features")
    encoder_width: EncoderWidth = Field(64, description="channels of the first ResNet stage; 64 is ResNet-18")
    projector_hidden: int = Field(1024, ge=1, le=WIDEST, description="hidden width of the embedding's perceptron")
    projector_dim: int = Field(256, ge=1, le=WIDEST, description="channels of the embedding")


class LightFieldConfig(StrictModel):
    """Shape retrieval by light-field descriptors (Chen et al., 2003): silhouettes against silhouettes, no network."""

    kind: Literal["light-field"] = "light-field"
    order: int = Field(10, ge=1, le=64, description="highest order of the Zernike moments")
    harmonics: int = Field(10, ge=1, le=64, description="Fourier coefficients of the contour")


class PublishedConfig(StrictModel):
    """The authors' published network: its sizes are those of their checkpoint."""

    kind: Literal["published"] = "published"
    top_k: int = Field(100, ge=0, description="view patches each query patch attends to (k); 0: all. [tok] sees all")


#: What of a reference is drawn: its mesh, or the depth of its views, which is all that the paper's models have.
KnownBy = Literal["mesh", "views"]


class Comparing(StrictModel):
    """What models have in common that compare a query with the reference as the query's camera sees it."""

    reference: KnownBy | Literal["none"] = Field(
        "mesh", description="what is drawn of it: its mesh, what its views see, or nothing, to learn what it is worth"
    )
    blind: Fraction = Field(
        0.15, description="share of training queries shown without the reference, to learn what is the object"
    )
    rays: int = Field(1, ge=1, le=4, description="cast along each edge of a pixel of the reference, and averaged")
    altered: Fraction = Field(
        0.0,
        description="share of normal training queries shown beside a mesh of which a part is moved, turned, longer, of "
        "another size, or doubled, and that are anomalous therefore",
    )
    jitter_degrees: float = Field(0.3, ge=0, description="of a training query's camera: turned so far about the object")
    jitter_shift: float = Field(0.002, ge=0, description="likewise: shifted, in image edges")
    jitter_scale: float = Field(0.005, ge=0, description="likewise: nearer or further, in shares")

    @field_validator("altered")
    @classmethod
    def _parts_are_of_meshes(cls, value: float, info: ValidationInfo) -> float:
        if value > 0 and info.data.get("reference") != "mesh":
            raise ValueError("moves parts of a mesh, which needs reference = mesh: leave it at 0")
        return value


class CompareConfig(Comparing):
    """Render and compare: a U-Net on both."""

    kind: Literal["compare"] = "compare"
    width: EncoderWidth = Field(
        24, description="channels of the U-Net's first level; the next has twice, all others four times as many"
    )
    levels: int = Field(5, ge=2, le=6, description="levels of the U-Net; each further has half the resolution")


class ColoursConfig(Comparing):
    """Comparing without learning, by the photograph's own colours."""

    kind: Literal["colours"] = "colours"
    bandwidth: float = Field(16.0, gt=0, description="of colours that are alike, in levels of 255")
    ratio: float = Field(5.0, gt=0, description="logarithm of how much likelier one must be than the other to count")


Precision = Literal["auto", "float32", "bf16", "fp16"]
AnyModelConfig = (
    CMTConfig
    | PublishedConfig
    | QueryOnlyConfig
    | ViTConfig
    | ContrastiveConfig
    | LightFieldConfig
    | CompareConfig
    | ColoursConfig
)
MODEL_CONFIGS: dict[str, type[AnyModelConfig]] = {
    config.model_fields["kind"].default: config for config in get_args(AnyModelConfig)
}
ModelConfig = Annotated[AnyModelConfig, Field(discriminator="kind")]


class TrainingConfig(StrictModel):
    """Everything that decides the weights a run ends with, and how it is carried out."""

    RENAMED: ClassVar[Mapping[str, str]] = {"views": "reference_views"}

    seed: int = Field(0, ge=0, description="of everything random: weights, order of samples, augmentation")
    model: ModelConfig = CMTConfig()
    encoder_weights: str | None = Field(
        None, description="file with a ResNet-18 state dict (torchvision's key names) to start the encoder from"
    )
    weights: str | None = Field(
        None, description="checkpoint, or the authors' model.pt, whose weights to start from; the optimiser starts anew"
    )
    reference_views: int = Field(10, ge=2, description="drawn per training sample; evaluation uses all")
    epochs: int = Field(20, ge=1, description="how often every training sample is seen")
    max_steps: int | None = Field(None, ge=1, description="stop after this many optimiser steps in all, if sooner")
    batch: int = Field(32, ge=1, description="samples per step, over all processes (the paper: 8 on each of 4 GPUs)")
    queries_per_shape: int = Field(
        1,
        ge=1,
        description="training queries of a shape that come together and share their views; 1: by chance",
    )
    accumulate: int = Field(
        1, ge=1, description="parts in which a process computes its share; batch statistics are a part's"
    )
    eval_batch: int = Field(8, ge=1, description="samples per evaluation batch")
    learning_rate: float = Field(2e-5, gt=0, description="Adam's; a batch is the sum over all processes")
    schedule: Literal["constant", "cosine", "steps"] = Field(
        "constant",
        description="of the learning rate, after the warm-up; steps: tenfold lower after decay_epochs, again and again",
    )
    decay_epochs: int = Field(20, ge=1, description="of the schedule steps")
    warmup_steps: int = Field(0, ge=0, description="steps in which the learning rate rises linearly")
    weight_decay: float = Field(0.0, ge=0, description="decoupled (AdamW)")
    clip_norm: float | None = Field(None, gt=0, description="largest norm of the gradient; null: as it comes")
    ema: Fraction = Field(
        0.0, description="decay of a moving average of the weights, a step, that evaluation uses, e.g. 0.999; 0: none"
    )
    precision: Precision = Field("auto", description="auto: bf16 on GPUs that have it, else float32")
    betas: tuple[Fraction, Fraction] = Field((0.0, 0.999), description="Adam's; the authors' code has (0, 0.999)")
    alignment_weight: float = Field(1.0, ge=0, description="of both alignment terms (VLFA); 0 trains without them")
    alignment_balance: Fraction = Field(0.5, description="a of Eq. 15: a query-view + (1 - a) view-view alignment")
    temperature: float = Field(0.1, gt=0, description="of InfoNCE, Eq. 14")
    query_labels: Literal["pseudo", "exact"] = Field(
        "pseudo",
        description="positives of the query-view alignment: the model's own best matches (the paper, Eq. 13), or the "
        "true ones, by depth and cameras (beyond the paper)",
    )
    negatives: Literal["pair", "batch"] = Field(
        "pair",
        description="of the alignment: the pair's own points, or those of the batch's other shapes as well",
    )
    key_momentum: Fraction = Field(
        0.0,
        description="decay, a step, of a moving average of the model that gives the alignment's keys (0.999 in the "
        "published code); 0: the model itself gives them",
    )
    alternate: bool = Field(
        False,
        description="two steps a batch, as in the published code: by the alignment losses, then by all others",
    )
    point_pairs: int = Field(32, ge=2, description="correspondences drawn per view pair, and patches per query")
    box_l1: float = Field(5.0, ge=0, description="weight of the box head's L1 loss")
    box_giou: float = Field(2.0, ge=0, description="weight of the box head's generalised-IoU loss")
    map_weight: float = Field(1.0, ge=0, description="of the losses of maps and type, where the model has them")
    patch_weight: float = Field(1.0, ge=0, description="of the patches' loss, where the model has a patch head")
    flip: bool = Field(True, description="flip half of the training queries left-right")
    jitter: Fraction = Field(
        0.0, description="share of training queries made up to a fifth lighter or darker, and of more or less contrast"
    )
    backdrops: Fraction = Field(
        0.0,
        description="share of training queries whose white is made a random backdrop, for photographs that have one",
    )
    crop_share: float = Field(0.875, gt=0, le=1, description="edge of the random crop of queries (224 of 256); 1: none")
    validate_every: int = Field(1, ge=1, description="epochs between validations")
    checkpoint_every: int = Field(500, ge=1, description="steps between checkpoints; every validation writes one too")
    log_every: int = Field(10, ge=1, description="steps between lines of metrics.jsonl")
    grid_every: int = Field(1, ge=0, description="validations between pictures of sample predictions; 0: none")
    workers: int = Field(4, ge=0, description="processes that load data; 0 loads in the training process")
    cache_shapes: int = Field(64, ge=0, description="reference shapes each worker keeps in memory (about 2 MB each)")
    compile: bool = Field(
        False, description="have torch.compile translate the model; pays in long runs on a GPU, needs a C++ compiler"
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto takes a CUDA device where there is one")

    @model_validator(mode="before")
    @classmethod
    def _cmt_unless_said(cls, settings: Any) -> Any:
        """A model section need not say ``kind: cmt``."""
        if not isinstance(settings, dict) or not isinstance(settings.get("model"), dict):
            return settings
        return {**settings, "model": {"kind": "cmt", **settings["model"]}}

    @field_validator("accumulate")
    @classmethod
    def _contrast_needs_whole_batches(cls, value: int, info: ValidationInfo) -> int:
        if value > 1 and isinstance(info.data.get("model"), ContrastiveConfig):
            raise ValueError(
                "a contrastive model learns from the other shapes of a batch, and parts would hide them: leave it at "
                "1, and make the batch smaller where memory is short"
            )
        return value


#: Settings that a resumed run may change: they do not alter the steps already taken or those to come.
FREE_ON_RESUME = frozenset(
    {
        "epochs",
        "max_steps",
        "eval_batch",
        "validate_every",
        "checkpoint_every",
        "log_every",
        "grid_every",
        "workers",
        "cache_shapes",
        "compile",
        "device",
        "encoder_weights",
        "weights",
    }
)


def load_training(preset: str | None, variant: str | None = None, overrides: Sequence[str] = ()) -> TrainingConfig:
    """A preset or YAML file (None: the paper's), changed by a variant of configs/training/variants, then by overrides.

    Where a variant is of another ``model.kind``, settings that its kind has, such as ``dim``, stay as the preset has
    them, and the others go with the old kind.
    """
    settings, origin = read_settings(preset)
    if variant is not None:
        changes, where = read_settings(f"training/variants/{variant}")
        settings, origin = _vary(settings, changes), f"{origin} varied by {where}"
    return parse(
        TrainingConfig, override(TrainingConfig, settings, overrides), " with --set ".join([origin, *overrides])
    )


def _vary(settings: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    was, becomes = settings.get("model") or {}, changes.get("model") or {}
    kind = becomes.get("kind", was.get("kind", "cmt"))
    if kind in MODEL_CONFIGS and kind != was.get("kind", "cmt"):
        known = MODEL_CONFIGS[kind].model_fields
        was = {key: value for key, value in was.items() if key in known}
    return {**settings, **changes, "model": {**was, **becomes}}
