"""The encoder phi: ResNet-18 with a feature pyramid, read out at stride 8 (paper, section 4).

ResNet-18: He et al., CVPR 2016. Feature pyramid: Lin et al., CVPR 2017. Parameter names of the backbone
are torchvision's, so that a ``resnet18`` state dict from there can be loaded.
"""

from __future__ import annotations

from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional

from pipeline.errors import PipelineError
from pipeline.training.torchfile import read_torch_dict

STRIDE = 8  # pixels along the edge of one patch of the feature map
SIZE_MULTIPLE = 32  # the deepest stage halves the image five times
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with a shortcut; the first may halve the resolution."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Float[Tensor, "image input height width"]) -> Float[Tensor, "image output row column"]:
        residual = functional.relu(self.bn1(self.conv1(x)))
        return functional.relu(self.bn2(self.conv2(residual)) + self.downsample(x))


class ResNet18(nn.Module):
    """The four stages of ResNet-18; ``width`` channels in the first (64 in the original)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.layer1 = _stage(width, width, 1)
        self.layer2 = _stage(width, 2 * width, 2)
        self.layer3 = _stage(2 * width, 4 * width, 2)
        self.layer4 = _stage(4 * width, 8 * width, 2)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(
        self, x: Float[Tensor, "image 3 height width"]
    ) -> tuple[
        Float[Tensor, "image channel8 height//8 width//8"],
        Float[Tensor, "image channel16 height//16 width//16"],
        Float[Tensor, "image channel32 height//32 width//32"],
    ]:
        """The features at strides 8, 16 and 32."""
        x = functional.relu(self.bn1(self.conv1(x)))
        x = self.layer1(functional.max_pool2d(x, 3, 2, 1))
        at8 = self.layer2(x)
        at16 = self.layer3(at8)
        return at8, at16, self.layer4(at16)


class ResNet18FPN(nn.Module):
    """Images to ``dim`` channels per patch of 8 x 8 pixels: 3 x 256 x 256 -> 128 x 32 x 32 in the paper."""

    def __init__(self, width: int, dim: int) -> None:
        super().__init__()
        self.backbone = ResNet18(width)
        self.lateral = nn.ModuleList(nn.Conv2d(channels * width, dim, 1) for channels in (2, 4, 8))
        self.output = nn.Conv2d(dim, dim, 3, padding=1)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a fifth faster

    def forward(
        self, images: UInt8[Tensor, "image 3 height width"]
    ) -> Float[Tensor, "image channel height//8 width//8"]:
        """Height and width are multiples of 32."""
        at8, at16, at32 = self.backbone(normalised(images).contiguous(memory_format=torch.channels_last))
        top = self.lateral[2](at32)
        top = self.lateral[1](at16) + functional.interpolate(top, scale_factor=2.0, mode="nearest")
        top = self.lateral[0](at8) + functional.interpolate(top, scale_factor=2.0, mode="nearest")
        return self.output(top)


def normalised(images: UInt8[Tensor, "image 3 height width"]) -> Float[Tensor, "image 3 height width"]:
    """With ImageNet's mean and deviation, which pretrained weights expect.

    >>> normalised(torch.full((1, 3, 1, 1), 255, dtype=torch.uint8)).flatten()  # (1 - mean) / deviation
    tensor([2.2489, 2.4286, 2.6400])
    """
    scales = zip(IMAGENET_MEAN, IMAGENET_STD, strict=True)  # numbers: a tensor of them would have to be copied to a GPU
    channels = [(images[:, channel].float() / 255 - mean) / std for channel, (mean, std) in enumerate(scales)]
    return torch.stack(channels, dim=1)


def load_backbone(backbone: ResNet18, path: Path) -> None:
    """Load a ResNet-18 state dict saved by ``torch.save`` (torchvision's key names; ``fc.*`` is ignored).

    Raises PipelineError where the file cannot be read or does not fit the backbone.
    """
    state = read_torch_dict(path, "encoder_weights")
    try:
        backbone.load_state_dict({name: value for name, value in state.items() if not name.startswith("fc.")})
    except (RuntimeError, AttributeError, TypeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise PipelineError(
            f"encoder_weights {path} does not fit a ResNet-18 of width {backbone.bn1.num_features} ({reason}); "
            "expected torchvision's keys conv1.weight, bn1.*, layer1.0.conv1.weight, ..."
        ) from error


def _stage(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(BasicBlock(inputs, outputs, stride), BasicBlock(outputs, outputs, 1))
