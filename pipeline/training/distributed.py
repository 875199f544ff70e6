"""Several processes that train one model together, as torchrun or srun starts them; one alone is the simple case.

Each holds the whole model, and all make the same steps: what a step takes of the data is summed over the group.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, distributed

from pipeline.errors import PipelineError
from pipeline.training.device import pick_device
from pipeline.training.models.interface import Model


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

    def share(self, model: Model) -> Model:
        """The model on this device, its weights those of the first process."""
        model.to(self.device)
        if self.size > 1:
            for tensor in model.state_dict().values():
                sent = tensor.contiguous()  # the encoder's are channels last
                distributed.broadcast(sent, src=0)
                tensor.copy_(sent)
        return model

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors of one type by their sums over the group, in one exchange: the same bits on every process."""
        if self.size == 1 or not tensors:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        distributed.all_reduce(flat)
        for tensor, total in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(total.view_as(tensor))

    def gather(self, value: Any) -> list[Any]:
        """The value of every process, by rank, on all of them."""
        if self.size == 1:
            return [value]
        gathered: list[Any] = [None] * self.size
        distributed.all_gather_object(gathered, value)
        return gathered


@contextmanager
def process_group(device: str) -> Iterator[Group]:
    """The group that this process was started in, one GPU a process; else this process alone.

    Raises PipelineError for a device that is not there, and where the processes cannot find each other.
    """
    place, picked = _place(os.environ), pick_device(device)
    if place.size == 1:
        yield Group(0, 1, picked)
        return
    if picked.type == "cuda":
        if place.local >= torch.cuda.device_count():
            raise PipelineError(
                f"process {place.local} was started here for {torch.cuda.device_count()} GPUs: start as many processes "
                "on a machine as each of them sees GPUs, or train with --set device=cpu"
            )
        picked = torch.device("cuda", place.local)
        torch.cuda.set_device(picked)
    backend = "nccl" if picked.type == "cuda" else "gloo"
    distributed.init_process_group(backend, rank=place.rank, world_size=place.size)
    try:
        yield Group(place.rank, place.size, picked)
    finally:
        distributed.destroy_process_group()


#: Variables that torchrun sets, in the order of ``_Place``, and what they are at least.
_TORCHRUN = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0"}


class _Place(NamedTuple):
    """Which process of how many this is, and which on its machine."""

    rank: int
    size: int
    local: int


def _place(environment: Mapping[str, str]) -> _Place:
    """As torchrun says, or else Slurm, of whose variables only those of a step count.

    A shell of ``salloc`` or ``sbatch`` has SLURM_NTASKS too, but is one process.
    """
    if "RANK" in environment:
        return _Place(*(int(environment.get(name, least)) for name, least in _TORCHRUN.items()))
    if "SLURM_STEP_ID" not in environment:
        return _Place(0, 1, 0)
    size = int(environment.get("SLURM_STEP_NUM_TASKS", environment.get("SLURM_NTASKS", "1")))
    if size == 1:
        return _Place(0, 1, 0)
    missing = [name for name in ("MASTER_ADDR", "MASTER_PORT") if not environment.get(name)]
    if missing:
        raise PipelineError(
            f"srun started {size} processes that cannot find each other without {' and '.join(missing)}: export "
            "MASTER_ADDR, the host name of the first node, and MASTER_PORT, a free port there; or let srun start one "
            "torchrun a node"
        )
    return _Place(int(environment["SLURM_PROCID"]), size, int(environment.get("SLURM_LOCALID", "0")))
