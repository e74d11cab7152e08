"""musicnn and its VGG in PyTorch, from the description of the architecture.

Weights come under the names of the authors' checkpoints, as `{name: array}`. The front
end is computed by librosa's definition: centred frames of the whole file.
"""

import numpy as np
import torch
from torch.nn import functional as F

HOP = 256
SIZE = 512
FRAMES = 187


def slaney_filters(num_bands=96, rate=16_000):
    """Triangles of equal area between 0 Hz and half the rate: `(bands, bins)`."""

    def to_hz(mel):
        return np.where(
            mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27)
        )

    top = 15 + np.log(rate / 2 / 1000) / np.log(6.4) * 27
    corners = to_hz(np.linspace(0, top, num_bands + 2))
    bins = np.arange(SIZE // 2 + 1) * rate / SIZE
    filters = np.zeros((num_bands, len(bins)))
    for band in range(num_bands):
        low, middle, high = corners[band : band + 3]
        up, down = (bins - low) / (middle - low), (high - bins) / (high - middle)
        filters[band] = np.maximum(0, np.minimum(up, down)) * 2 / (high - low)
    return filters


def patches(waveform):
    """The whole patches of a file: float32 `(patches, 187, 96)`."""
    padded = np.pad(waveform, SIZE // 2)
    starts = range(0, len(padded) - SIZE + 1, HOP)
    window = np.hanning(SIZE + 1)[:-1]
    frames = np.stack([padded[i : i + SIZE] for i in starts]) * window
    power = np.abs(np.fft.rfft(frames)) ** 2 @ slaney_filters().T
    power = np.minimum(power, 65_504).astype("float16").astype("float32")
    image = np.log10(10_000 * power + 1)
    return np.stack(
        [image[i : i + FRAMES] for i in range(0, len(image) - FRAMES + 1, FRAMES)]
    ).astype("float32")


class Weights:
    """The arrays of a checkpoint as PyTorch's functions want them."""

    def __init__(self, arrays):
        self.arrays = {
            name: torch.from_numpy(np.array(array, "float32"))
            for name, array in arrays.items()
        }

    def norm(self, x, number):
        name = "batch_normalization" + (f"_{number}" if number else "")
        gamma, beta, mean, variance = (
            self.arrays[f"{name}/{part}"]
            for part in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        return F.batch_norm(x, mean, variance, gamma, beta, False, eps=1e-3)

    def conv(self, x, name, padding):
        """`padding`: left, right, top, bottom."""
        kernel = self.arrays[f"{name}/kernel"].permute(3, 2, 0, 1)
        bias = self.arrays[f"{name}/bias"]
        return torch.relu(F.conv2d(F.pad(x, padding), kernel, bias))

    def dense(self, x, name):
        return x @ self.arrays[f"{name}/kernel"] + self.arrays[f"{name}/bias"]


def musicnn(arrays, images):
    """Probabilities `(patches, tags)` of images `(patches, 187, 96)`."""
    weights = Weights(arrays)
    x = weights.norm(torch.from_numpy(images)[:, None], 0)
    front = []
    for number in range(5):
        name = "conv2d" + (f"_{number}" if number else "")
        # Time is padded by as much as keeps its length, the odd one at the end.
        frames = weights.arrays[f"{name}/kernel"].shape[0] - 1
        y = weights.conv(x, name, (0, 0, frames // 2, frames - frames // 2))
        front.append(weights.norm(y, number + 1).amax(dim=3))
    # (patches, channels, frames)
    stack = [torch.cat(front, dim=1)]
    y = stack[0]
    for number in range(5, 8):
        # The authors' image has the channels as its width.
        z = y.permute(0, 2, 1)[:, None]
        z = weights.conv(z, f"conv2d_{number}", (0, 0, 3, 3))[..., 0]
        z = weights.norm(z, number + 1)
        y = z if number == 5 else y + z
        stack.append(y)
    stacked = torch.cat(stack, dim=1)
    pooled = torch.stack([stacked.amax(dim=2), stacked.mean(dim=2)], dim=2).flatten(1)
    y = torch.relu(weights.dense(weights.norm(pooled, 9), "dense"))
    return torch.sigmoid(weights.dense(weights.norm(y, 10), "dense_1")).numpy()


def musicnn_vgg(arrays, images):
    """The same of the VGG."""
    weights = Weights(arrays)
    x = weights.norm(torch.from_numpy(images)[:, None], 0)
    pools = [((4, 1), 2), ((2, 2), 2), ((2, 2), 2), ((2, 2), 2), ((4, 4), 4)]
    for number, (size, stride) in enumerate(pools, start=1):
        x = weights.conv(x, f"{number}CNN", (1, 1, 1, 1))
        x = F.max_pool2d(weights.norm(x, number), size, stride)
    # Flattened as (time, band, channel).
    x = x.permute(0, 2, 3, 1).flatten(1)
    return torch.sigmoid(weights.dense(x, "dense")).numpy()


NETWORKS = {"musicnn": musicnn, "musicnn_vgg": musicnn_vgg}
