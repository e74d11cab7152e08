"""Pons' front ends and back end in PyTorch, as images in the published layout."""

import torch
from torch import nn
from torch.nn import functional

TIMBRE = ((86, 7, 1), (86, 3, 2), (86, 1, 4), (38, 7, 1), (38, 3, 2), (38, 1, 4))
TEMPORAL = ((165, 1), (128, 2), (64, 4), (32, 8))


class BackEnd(nn.Module):
    """Frames as a one-channel image `(batch, 1, time, features)`."""

    top = "tags"

    def __init__(self, num_tags, features, channels):
        super().__init__()
        self.back1_conv = nn.Conv2d(1, channels, (7, features))
        self.back1_bn = nn.BatchNorm2d(channels, eps=1e-3)
        for name in ("back2", "back3"):
            conv = nn.Conv2d(1, channels, (7, channels), padding=(3, 0))
            setattr(self, f"{name}_conv", conv)
            setattr(self, f"{name}_bn", nn.BatchNorm2d(1, eps=1e-3))
        self.dense = nn.Linear(2 * channels, 500)
        self.dense_bn = nn.BatchNorm1d(500, eps=1e-3)
        self.tags = nn.Linear(500, num_tags)

    def back_end(self, x):
        x = self.back1_bn(torch.relu(self.back1_conv(x))).permute(0, 3, 2, 1)
        x = self.residual(x, "back2")
        x = self.residual(functional.max_pool2d(x, (2, 1)), "back3")
        x = torch.cat([x.amax((1, 2)), x.mean((1, 2))], 1)
        x = self.dense_bn(torch.relu(self.dense(x)))
        return torch.sigmoid(self.tags(x))

    def residual(self, x, name):
        y = torch.relu(getattr(self, f"{name}_conv")(x)).permute(0, 3, 2, 1)
        return getattr(self, f"{name}_bn")(y) + x


class PonsWaveform(BackEnd):
    def __init__(self, num_tags, c, channels):
        super().__init__(num_tags, 4 * c, channels)
        widths = (1, c, c, c, 2 * c, 2 * c, 2 * c, 4 * c)
        for i in range(7):
            conv = nn.Conv1d(*widths[i : i + 2], 3, stride=1 if i else 3)
            setattr(self, f"front{i}_conv", conv)
            setattr(self, f"front{i}_bn", nn.BatchNorm1d(widths[i + 1], eps=1e-3))

    def forward(self, x):
        x = functional.layer_norm(x, x.shape[1:], eps=1e-6)[:, None]
        for i in range(7):
            x = torch.relu(getattr(self, f"front{i}_conv")(x))
            x = getattr(self, f"front{i}_bn")(x)
            x = functional.max_pool1d(x, 3) if i else x
        return self.back_end(x.transpose(1, 2)[:, None])


class PonsLogMel(BackEnd):
    def __init__(self, num_tags, c, channels):
        super().__init__(num_tags, 29 * c, channels)
        for i, (bands, frames, width) in enumerate(TIMBRE, start=1):
            pad = (0, frames // 2)
            conv = nn.Conv2d(1, width * c, (bands, frames), padding=pad)
            setattr(self, f"timbre{i}_conv", conv)
            setattr(self, f"timbre{i}_bn", nn.BatchNorm2d(width * c, eps=1e-3))
        for i, (frames, width) in enumerate(TEMPORAL, start=1):
            conv = nn.Conv1d(1, width * c, frames, padding="same")
            setattr(self, f"temporal{i}_conv", conv)
            setattr(self, f"temporal{i}_bn", nn.BatchNorm1d(width * c, eps=1e-3))

    def forward(self, x):
        x = x[..., :468]
        x = functional.layer_norm(x, x.shape[1:], eps=1e-6)
        outputs = []
        for i in range(1, 7):
            y = torch.relu(getattr(self, f"timbre{i}_conv")(x[:, None]))
            outputs.append(getattr(self, f"timbre{i}_bn")(y).amax(2))
        for i in range(1, 5):
            y = torch.relu(getattr(self, f"temporal{i}_conv")(x.mean(1, keepdim=True)))
            outputs.append(getattr(self, f"temporal{i}_bn")(y))
        return self.back_end(torch.cat(outputs, 1).transpose(1, 2)[:, None])
