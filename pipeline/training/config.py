"""Settings of one training run. The defaults are the paper's (Looking 3D, CVPR 2024, section 5)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from pipeline.config import Fraction, StrictModel


class ModelConfig(StrictModel):
    """Dimensions of CMT: two runs exchange weights only where all of these agree."""

    dim: int = Field(128, ge=1, description="channels d of features and tokens")
    encoder_width: int = Field(64, ge=1, description="channels of the first ResNet stage; 64 is ResNet-18")
    heads: int = Field(8, ge=1, description="attention heads; must divide dim")
    blocks: int = Field(3, ge=0, description="CGA blocks B")
    top_k: int = Field(100, ge=1, description="view patches each query token attends to (k)")
    octaves: int = Field(10, ge=0, description="octaves of the 3D position's Fourier features")
    feed_forward: int = Field(512, ge=1, description="hidden width of the blocks' feed-forward network")
    projector_hidden: int = Field(1024, ge=1, description="hidden width of the four-layer projector beta")
    projector_dim: int = Field(256, ge=1, description="channels of beta's descriptors")
    box_head: bool = Field(True, description="also regress the anomaly's box from [tok]")

    @model_validator(mode="after")
    def _heads_divide_dim(self) -> ModelConfig:
        if self.dim % self.heads:
            raise ValueError(f"heads must divide dim, got dim {self.dim} and heads {self.heads}")
        return self


class TrainingConfig(StrictModel):
    """Everything that decides the weights a run ends with, and how it is carried out."""

    seed: int = Field(0, ge=0)
    model: ModelConfig = ModelConfig()
    encoder_weights: str | None = Field(
        None, description="file with a ResNet-18 state dict (torchvision's key names) to start the encoder from"
    )
    views: int = Field(10, ge=2, description="reference views drawn per training sample; evaluation uses all")
    epochs: int = Field(20, ge=1)
    max_steps: int | None = Field(None, ge=1, description="stop after this many optimiser steps in all, if sooner")
    batch: int = Field(32, ge=1, description="samples per step (the paper: 8 on each of 4 GPUs)")
    eval_batch: int = Field(8, ge=1, description="samples per evaluation batch")
    learning_rate: float = Field(2e-5, gt=0)
    betas: tuple[Fraction, Fraction] = Field((0.0, 0.999), description="Adam's; the authors' code has (0, 0.999)")
    alignment_balance: Fraction = Field(0.5, description="a of Eq. 15: a query-view + (1 - a) view-view alignment")
    temperature: float = Field(0.1, gt=0, description="of InfoNCE, Eq. 14")
    point_pairs: int = Field(32, ge=2, description="correspondences drawn per view pair, and patches per query")
    box_l1: float = Field(5.0, ge=0, description="weight of the box head's L1 loss")
    box_giou: float = Field(2.0, ge=0, description="weight of the box head's generalised-IoU loss")
    flip: bool = Field(True, description="flip half of the training queries left-right")
    crop_share: float = Field(0.875, gt=0, le=1, description="edge of the random crop of queries (224 of 256); 1: none")
    validate_every: int = Field(1, ge=1, description="epochs between validations")
    checkpoint_every: int = Field(500, ge=1, description="steps between checkpoints; every validation writes one too")
    log_every: int = Field(10, ge=1, description="steps between lines of metrics.jsonl")
    workers: int = Field(4, ge=0, description="processes that load data; 0 loads in the training process")
    cache_shapes: int = Field(64, ge=0, description="reference shapes each worker keeps in memory (about 2 MB each)")
    device: Literal["auto", "cpu", "cuda"] = "auto"


#: Settings that a resumed run may change: they do not alter the steps already taken or those to come.
FREE_ON_RESUME = frozenset(
    {
        "epochs",
        "max_steps",
        "eval_batch",
        "validate_every",
        "checkpoint_every",
        "log_every",
        "workers",
        "cache_shapes",
        "device",
        "encoder_weights",
    }
)
