"""The models in PyTorch, written from the published descriptions.

Each module takes the spectrogram (or the waveform) that the model computes by itself
in Keras. Modules are named as in the published code, so that the layer of the same
name in Keras has "_" for "."; the last layer is `tags` there.
"""

import torch
from torch import nn
from torch.nn import functional


class Conv2d(nn.Module):
    """minzwon's Conv_2d: convolution, batch normalisation, ReLU, pool."""

    def __init__(self, inputs, outputs, pool=2):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.bn = nn.BatchNorm2d(outputs)
        self.pool = pool

    def forward(self, x):
        return functional.max_pool2d(torch.relu(self.bn(self.conv(x))), self.pool)


class FCN5(nn.Module):
    top = "dense"

    def __init__(self, num_tags, c):
        super().__init__()
        self.spec_bn = nn.BatchNorm2d(1)
        widths = (1, c, 2 * c, 2 * c, 2 * c, c)
        pools = ((2, 4), (2, 4), (2, 4), (3, 5), (4, 4))
        for i, pool in enumerate(pools):
            setattr(self, f"layer{i + 1}", Conv2d(*widths[i : i + 2], pool))
        self.dense = nn.Linear(c, num_tags)

    def forward(self, x):
        x = self.spec_bn(x[:, None])
        for i in range(1, 6):
            x = getattr(self, f"layer{i}")(x)
        return torch.sigmoid(self.dense(x.view(len(x), -1)))


class Res2d(nn.Module):
    """minzwon's Res_2d."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv_1 = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1)
        self.bn_1 = nn.BatchNorm2d(outputs)
        self.conv_2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.bn_2 = nn.BatchNorm2d(outputs)
        self.conv_3 = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1)
        self.bn_3 = nn.BatchNorm2d(outputs)

    def forward(self, x):
        main = self.bn_2(self.conv_2(torch.relu(self.bn_1(self.conv_1(x)))))
        return torch.relu(main + self.bn_3(self.conv_3(x)))


class ShortChunk(nn.Module):
    top = "dense2"
    layer = Conv2d

    def __init__(self, num_tags, c):
        super().__init__()
        self.spec_bn = nn.BatchNorm2d(1)
        widths = (1, c, c, 2 * c, 2 * c, 2 * c, 2 * c, 4 * c)
        for i in range(7):
            setattr(self, f"layer{i + 1}", self.layer(*widths[i : i + 2]))
        self.dense1 = nn.Linear(4 * c, 4 * c)
        self.bn = nn.BatchNorm1d(4 * c)
        self.dense2 = nn.Linear(4 * c, num_tags)

    def forward(self, x):
        x = self.spec_bn(x[:, None])
        for i in range(1, 8):
            x = getattr(self, f"layer{i}")(x)
        x = x.squeeze(2).amax(-1)
        return torch.sigmoid(self.dense2(torch.relu(self.bn(self.dense1(x)))))


class ShortChunkRes(ShortChunk):
    layer = Res2d


class Conv1d(nn.Module):
    """minzwon's Conv_1d."""

    def __init__(self, inputs, outputs, kernel=3, stride=1, pool=1):
        super().__init__()
        self.conv = nn.Conv1d(
            inputs, outputs, kernel, stride=stride, padding=kernel // 2
        )
        self.bn = nn.BatchNorm1d(outputs)
        self.pool = pool

    def forward(self, x):
        return functional.max_pool1d(torch.relu(self.bn(self.conv(x))), self.pool)


class ResSE1d(nn.Module):
    """minzwon's ResSE_1d."""

    def __init__(self, inputs, outputs, kernel=3, stride=1, pool=1):
        super().__init__()
        pad = kernel // 2
        self.conv_1 = nn.Conv1d(inputs, outputs, kernel, stride=stride, padding=pad)
        self.bn_1 = nn.BatchNorm1d(outputs)
        self.conv_2 = nn.Conv1d(outputs, outputs, kernel, padding=pad)
        self.bn_2 = nn.BatchNorm1d(outputs)
        self.differs = stride != 1 or inputs != outputs
        if self.differs:
            self.conv_3 = nn.Conv1d(inputs, outputs, kernel, stride=stride, padding=pad)
            self.bn_3 = nn.BatchNorm1d(outputs)
        self.dense1 = nn.Linear(outputs, outputs)
        self.dense2 = nn.Linear(outputs, outputs)
        self.pool = pool

    def forward(self, x):
        main = self.bn_2(self.conv_2(torch.relu(self.bn_1(self.conv_1(x)))))
        gate = torch.sigmoid(self.dense2(torch.relu(self.dense1(main.mean(-1)))))
        if self.differs:
            x = self.bn_3(self.conv_3(x))
        return functional.max_pool1d(torch.relu(main * gate[..., None] + x), self.pool)


class SampleCNN(nn.Module):
    top = "dense"
    layer = Conv1d

    def __init__(self, num_tags, c):
        super().__init__()
        widths = (1, *[c] * 3, *[2 * c] * 6, 4 * c, 4 * c)
        self.layer1 = self.layer(1, c, stride=3)
        for i in range(1, 10):
            setattr(self, f"layer{i + 1}", self.layer(*widths[i : i + 2], pool=3))
        self.layer11 = self.layer(4 * c, 4 * c, kernel=1)
        self.dense = nn.Linear(4 * c, num_tags)

    def forward(self, x):
        x = x[:, None]
        for i in range(1, 12):
            x = getattr(self, f"layer{i}")(x)
        return self.head(x.squeeze(-1))

    def head(self, x):
        return torch.sigmoid(self.dense(x))


class SampleCNNSE(SampleCNN):
    top = "dense2"
    layer = ResSE1d

    def __init__(self, num_tags, c):
        super().__init__(num_tags, c)
        del self.dense
        self.dense1 = nn.Linear(4 * c, 4 * c)
        self.bn = nn.BatchNorm1d(4 * c)
        self.dense2 = nn.Linear(4 * c, num_tags)

    def head(self, x):
        return torch.sigmoid(self.dense2(torch.relu(self.bn(self.dense1(x)))))


class FCN4(nn.Module):
    top = "tags"

    def __init__(self, num_tags, c):
        super().__init__()
        widths = (1, c, 3 * c, 6 * c, 16 * c)
        for i in range(4):
            conv = nn.Conv2d(*widths[i : i + 2], 3, padding="same", bias=False)
            setattr(self, f"conv{i + 1}", conv)
            setattr(self, f"bn{i + 1}", nn.BatchNorm2d(widths[i + 1], eps=1e-5))
        self.tags = nn.Linear(16 * c, num_tags)

    def forward(self, x):
        x = x[:, None]
        for i, pool in enumerate(((2, 4), (4, 5), (3, 8), None), start=1):
            x = torch.relu(getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(x)))
            x = functional.max_pool2d(x, pool) if pool else x.amax((2, 3))
        return torch.sigmoid(self.tags(x))


class MultiScale(nn.Module):
    top = "fc2"

    def __init__(self, num_tags, c, second_pool="max"):
        super().__init__()
        shapes = {
            "conv11": (1, 5 * c, (3, 7)),
            "conv12": (5 * c, 10 * c, (3, 5)),
            "conv13": (10 * c, 7 * c, (3, 3)),
            "conv21": (1, 10 * c, (3, 5)),
            "conv22": (10 * c, 7 * c, (3, 3)),
            "conv31": (1, 7 * c, (3, 3)),
            "conv4": (21 * c, 7 * c, (3, 3)),
            "conv5": (7 * c, 7 * c, (3, 3)),
        }
        for name, (inputs, outputs, kernel) in shapes.items():
            setattr(self, name, nn.Conv2d(inputs, outputs, kernel, padding="same"))
        self.bn_layer = nn.BatchNorm1d(7 * c * 8 * 9, eps=1e-3)
        self.fc1 = nn.Linear(7 * c * 8 * 9, 500)
        self.fc2 = nn.Linear(500, num_tags)
        pools = {"max": functional.max_pool2d, "average": functional.avg_pool2d}
        self.second_pool = pools[second_pool]

    def step(self, x, name, pool):
        return functional.max_pool2d(torch.relu(getattr(self, name)(x)), pool)

    def forward(self, x):
        x = x[:, None]
        half = functional.avg_pool2d(x, (2, 4))
        quarter = self.second_pool(half, (2, 4))
        x = self.step(self.step(x, "conv11", (2, 4)), "conv12", (2, 4))
        half = self.step(half, "conv21", (2, 4))
        scales = [
            self.step(x, "conv13", 2),
            self.step(half, "conv22", 2),
            self.step(quarter, "conv31", 2),
        ]
        x = torch.relu(self.conv4(torch.cat(scales, 1)))
        x = self.bn_layer(self.step(x, "conv5", 2).flatten(1))
        return torch.sigmoid(self.fc2(torch.relu(self.fc1(x))))
