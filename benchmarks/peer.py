"""The network SE + multi as one writes it in PyTorch today: the peer to compare with.

Same layers, same numbers as `resemul.models.sample_cnn`; held to its outputs by
`tests/benchmarks`. With `flat_images`, time lies along the width of an image of
height 1, so that PyTorch's channels-last layout, which needs four dimensions,
can be tried too.
"""

import torch
from torch import nn

NUM_BLOCKS = 9
DOUBLING_BLOCKS = (3, 9)
AGGREGATED_BLOCKS = (7, 8, 9)


class Block(nn.Module):
    """Convolution, batch normalisation, ReLU, pooling, excitation."""

    def __init__(self, inputs: int, features: int, alpha: int, flat: bool) -> None:
        super().__init__()
        self.conv = _conv(inputs, features, 1, 1, flat)
        self.bn = _norm(features, flat)
        self.pool = nn.MaxPool2d((1, 3)) if flat else nn.MaxPool1d(3)
        self.expand = nn.Linear(features, features * alpha)
        self.excitation = nn.Linear(features * alpha, features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool(torch.relu(self.bn(self.conv(x))))
        squeezed = x.flatten(2).mean(dim=2)
        scale = torch.sigmoid(self.excitation(torch.relu(self.expand(squeezed))))
        return x * scale.reshape(*scale.shape, *[1] * (x.dim() - 2))


class Peer(nn.Module):
    """Waveform `(batch, 59049)` to tag probabilities `(batch, tags)`."""

    def __init__(
        self,
        num_tags: int,
        init_features: int = 128,
        alpha: int = 16,
        flat_images: bool = False,
    ) -> None:
        super().__init__()
        self.flat = flat_images
        self.stem = _conv(1, init_features, 3, 0, flat_images)
        self.stem_bn = _norm(init_features, flat_images)
        features = init_features
        blocks, width = [], 0
        for number in range(1, NUM_BLOCKS + 1):
            inputs = features
            features *= 2 if number in DOUBLING_BLOCKS else 1
            width += features if number in AGGREGATED_BLOCKS else 0
            blocks.append(Block(inputs, features, alpha, flat_images))
        self.blocks = nn.ModuleList(blocks)
        self.dense = nn.Linear(width, width)
        self.dense_bn = nn.BatchNorm1d(width, eps=1e-3, momentum=0.01)
        self.dropout = nn.Dropout(0.5)
        self.tags = nn.Linear(width, num_tags)

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        x = waveform[:, None, None] if self.flat else waveform[:, None]
        x = torch.relu(self.stem_bn(self.stem(x)))
        pooled = []
        for number, block in enumerate(self.blocks, start=1):
            x = block(x)
            if number in AGGREGATED_BLOCKS:
                pooled.append(x.flatten(2).amax(dim=2))
        x = torch.relu(self.dense_bn(self.dense(torch.cat(pooled, dim=1))))
        return torch.sigmoid(self.tags(self.dropout(x)).float())


def _conv(
    inputs: int, outputs: int, stride: int, padding: int, flat: bool
) -> nn.Module:
    # The stem jumps by three and is not padded; all others keep the length.
    strides = 3 if stride == 3 else 1
    if flat:
        return nn.Conv2d(
            inputs, outputs, (1, 3), stride=(1, strides), padding=(0, padding)
        )
    return nn.Conv1d(inputs, outputs, 3, stride=strides, padding=padding)


def _norm(features: int, flat: bool) -> nn.Module:
    # Keras' defaults; PyTorch's momentum is the share of the new batch.
    kind = nn.BatchNorm2d if flat else nn.BatchNorm1d
    return kind(features, eps=1e-3, momentum=0.01)
