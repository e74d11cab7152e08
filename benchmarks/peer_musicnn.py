"""musicnn as one writes it in PyTorch: the peer to compare with.

Same layers, same numbers as `resemul.models.musicnn`; held to its outputs by
`tests/benchmarks`. Images have the bands along their height, time along their width.
"""

import torch
from torch import nn

TIMBRE_KERNELS = ((38, 7), (67, 7))
TEMPO_KERNELS = (128, 64, 32)
MID_KERNEL = 7


class Front(nn.Module):
    """Convolution, ReLU, batch normalisation, maximum over the bands."""

    def __init__(self, outputs: int, kernel: tuple[int, int]) -> None:
        super().__init__()
        frames = kernel[1] - 1
        # Keeps the length; the odd one stands at the end.
        self.pad = nn.ZeroPad2d((frames // 2, frames - frames // 2, 0, 0))
        self.conv = nn.Conv2d(1, outputs, kernel)
        self.bn = nn.BatchNorm2d(outputs, eps=1e-3)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.bn(torch.relu(self.conv(self.pad(image)))).amax(dim=2)


class Mid(nn.Module):
    """Convolution along time over all channels, ReLU, batch normalisation."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, MID_KERNEL, padding=MID_KERNEL // 2)
        self.bn = nn.BatchNorm1d(outputs, eps=1e-3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.bn(torch.relu(self.conv(x)))


class MusicnnPeer(nn.Module):
    """Log-mel images `(batch, 96, 187)` to tag probabilities `(batch, tags)`."""

    def __init__(
        self,
        num_tags: int,
        channels: int = 51,
        mid_channels: int = 64,
        dense_units: int = 200,
    ) -> None:
        super().__init__()
        self.spec_bn = nn.BatchNorm2d(1, eps=1e-3)
        timbre = [Front(4 * channels, kernel) for kernel in TIMBRE_KERNELS]
        tempo = [Front(channels, (1, frames)) for frames in TEMPO_KERNELS]
        self.front = nn.ModuleList([*timbre, *tempo])
        width = 4 * channels * len(timbre) + channels * len(tempo)
        self.mid1 = Mid(width, mid_channels)
        self.mid2 = Mid(mid_channels, mid_channels)
        self.mid3 = Mid(mid_channels, mid_channels)
        pooled = 2 * (width + 3 * mid_channels)
        self.pool_bn = nn.BatchNorm1d(pooled, eps=1e-3)
        self.dense = nn.Linear(pooled, dense_units)
        self.dense_bn = nn.BatchNorm1d(dense_units, eps=1e-3)
        self.tags = nn.Linear(dense_units, num_tags)
        self.dropout = nn.Dropout(0.5)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        image = self.spec_bn(images[:, None])
        front = torch.cat([layer(image) for layer in self.front], dim=1)
        first = self.mid1(front)
        second = self.mid2(first) + first
        third = self.mid3(second) + second
        stack = torch.cat([front, first, second, third], dim=1)
        # Maximum and mean of a channel stand side by side.
        x = torch.stack([stack.amax(dim=2), stack.mean(dim=2)], dim=2).flatten(1)
        x = torch.relu(self.dense(self.dropout(self.pool_bn(x))))
        return torch.sigmoid(self.tags(self.dropout(self.dense_bn(x))))
