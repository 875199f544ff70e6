"""Several processes that train one model together, as ``torchrun`` starts them; one alone is the simple case."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from pipeline.errors import PipelineError
from pipeline.training.device import pick_device


@dataclass(frozen=True)
class Group:
    """This process (``rank`` of ``size``) and where it computes."""

    rank: int
    size: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def share(self, model: nn.Module) -> nn.Module:
        """The model on this device, its gradients averaged over the group."""
        model.to(self.device)
        if self.size == 1:
            return model
        return DistributedDataParallel(model, device_ids=[self.device] if self.device.type == "cuda" else None)

    def gather(self, value: Any) -> list[Any]:
        """The value of every process, by rank, on all of them."""
        if self.size == 1:
            return [value]
        gathered: list[Any] = [None] * self.size
        distributed.all_gather_object(gathered, value)
        return gathered


@contextmanager
def process_group(device: str) -> Iterator[Group]:
    """The group that ``torchrun`` started this process in, one GPU a process; else this process alone.

    Raises PipelineError for a device that is not there.
    """
    size, rank, local = (int(os.environ.get(name, value)) for name, value in _TORCHRUN.items())
    picked = pick_device(device)
    if size == 1:
        yield Group(0, 1, picked)
        return
    if picked.type == "cuda":
        if local >= torch.cuda.device_count():
            raise PipelineError(
                f"torchrun started process {local} here for {torch.cuda.device_count()} GPUs; give --nproc-per-node as "
                "many as there are GPUs, or train with --set device=cpu"
            )
        picked = torch.device("cuda", local)
        torch.cuda.set_device(picked)
    distributed.init_process_group("nccl" if picked.type == "cuda" else "gloo")
    try:
        yield Group(rank, size, picked)
    finally:
        distributed.destroy_process_group()


#: Variables that torchrun sets, and what they are without it.
_TORCHRUN = {"WORLD_SIZE": "1", "RANK": "0", "LOCAL_RANK": "0"}
