"""The published PyTorch models, as their papers' code has them, narrower.

Written from the descriptions of that code. All weights and running statistics are
random, since fresh ones (biases of 0, variances of 1) would hide what is mixed up.
"""

import math

import torch
from torch import nn
from torch.nn import functional


class Decibels(nn.Module):
    """Torchaudio's `MelSpectrogram` and `AmplitudeToDB`, with their buffers' names."""

    def __init__(self, num_bands):
        super().__init__()
        self.spectrogram = nn.Module()
        self.spectrogram.register_buffer("window", torch.hann_window(512))
        self.mel_scale = nn.Module()
        self.mel_scale.register_buffer("fb", _mel_filters(num_bands))

    def forward(self, waveform):
        spectrum = torch.stft(
            waveform,
            512,
            256,
            window=self.spectrogram.window,
            center=True,
            pad_mode="reflect",
            return_complex=True,
        )
        power = spectrum.abs().square().transpose(1, 2)
        bands = (power @ self.mel_scale.fb).transpose(1, 2)
        return 10 * torch.log10(bands.clamp(min=1e-10))


def _mel_filters(num_bands):
    """HTK's mel scale, triangles of height 1, 0 to 8000 Hz: `(257, num_bands)`."""
    frequencies = torch.linspace(0, 8000, 257, dtype=torch.float64)
    top = 2595 * math.log10(1 + 8000 / 700)
    mels = torch.linspace(0, top, num_bands + 2, dtype=torch.float64)
    corners = 700 * (10 ** (mels / 2595) - 1)
    filters = torch.zeros(257, num_bands, dtype=torch.float64)
    for band in range(num_bands):
        low, centre, high = corners[band : band + 3]
        up = (frequencies - low) / (centre - low)
        down = (high - frequencies) / (high - centre)
        filters[:, band] = torch.minimum(up, down).clamp(min=0)
    return filters.float()


class ConvPool2d(nn.Module):
    def __init__(self, inputs, outputs, pool):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.bn = nn.BatchNorm2d(outputs)
        self.pool = pool

    def forward(self, x):
        return functional.max_pool2d(functional.relu(self.bn(self.conv(x))), self.pool)


class Fcn5(nn.Module):
    def __init__(self, channels, num_tags, num_bands=96):
        super().__init__()
        self.spec = Decibels(num_bands)
        self.spec_bn = nn.BatchNorm2d(1)
        widths = [1, channels, 2 * channels, 2 * channels, 2 * channels, channels]
        pools = [(2, 4), (2, 4), (2, 4), (3, 5), (4, 4)]
        for i, pool in enumerate(pools):
            setattr(self, f"layer{i + 1}", ConvPool2d(widths[i], widths[i + 1], pool))
        self.dense = nn.Linear(channels, num_tags)

    def forward(self, x):
        x = self.spec_bn(self.spec(x).unsqueeze(1))
        for i in range(1, 6):
            x = getattr(self, f"layer{i}")(x)
        return torch.sigmoid(self.dense(x.flatten(1)))


class Res2d(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv_1 = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1)
        self.bn_1 = nn.BatchNorm2d(outputs)
        self.conv_2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.bn_2 = nn.BatchNorm2d(outputs)
        self.conv_3 = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1)
        self.bn_3 = nn.BatchNorm2d(outputs)

    def forward(self, x):
        main = functional.relu(self.bn_1(self.conv_1(x)))
        main = self.bn_2(self.conv_2(main))
        return functional.relu(main + self.bn_3(self.conv_3(x)))


class ShortChunk(nn.Module):
    def __init__(self, channels, num_tags, residual=False):
        super().__init__()
        self.spec = Decibels(128)
        self.spec_bn = nn.BatchNorm2d(1)
        widths = [1, *(channels * width for width in (1, 1, 2, 2, 2, 2, 4))]
        for i in range(7):
            pair = widths[i], widths[i + 1]
            layer = Res2d(*pair) if residual else ConvPool2d(*pair, 2)
            setattr(self, f"layer{i + 1}", layer)
        self.dense1 = nn.Linear(widths[-1], widths[-1])
        self.bn = nn.BatchNorm1d(widths[-1])
        self.dense2 = nn.Linear(widths[-1], num_tags)

    def forward(self, x):
        x = self.spec_bn(self.spec(x).unsqueeze(1))
        for i in range(1, 8):
            x = getattr(self, f"layer{i}")(x)
        x = x.squeeze(2).amax(dim=2)
        x = functional.relu(self.bn(self.dense1(x)))
        return torch.sigmoid(self.dense2(x))


SAMPLE_WIDTHS = (1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 4, 4)


class Conv1d(nn.Module):
    def __init__(self, inputs, outputs, kernel=3, stride=1, pool=3):
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, kernel, stride, padding=kernel // 2)
        self.bn = nn.BatchNorm1d(outputs)
        self.pool = pool

    def forward(self, x):
        return functional.max_pool1d(functional.relu(self.bn(self.conv(x))), self.pool)


class SampleCnn(nn.Module):
    def __init__(self, channels, num_tags):
        super().__init__()
        widths = [1, *(channels * width for width in SAMPLE_WIDTHS[1:])]
        for i in range(11):
            kind = {0: (3, 3, 1), 10: (1, 1, 1)}.get(i, (3, 1, 3))
            setattr(self, f"layer{i + 1}", Conv1d(widths[i], widths[i + 1], *kind))
        self.dense = nn.Linear(widths[-1], num_tags)

    def forward(self, x):
        x = x.unsqueeze(1)
        for i in range(1, 12):
            x = getattr(self, f"layer{i}")(x)
        return torch.sigmoid(self.dense(x.squeeze(2)))


class ResSE1d(nn.Module):
    def __init__(self, inputs, outputs, kernel=3, stride=1, pool=3):
        super().__init__()
        padding = kernel // 2
        self.conv_1 = nn.Conv1d(inputs, outputs, kernel, stride, padding)
        self.bn_1 = nn.BatchNorm1d(outputs)
        self.conv_2 = nn.Conv1d(outputs, outputs, kernel, padding=padding)
        self.bn_2 = nn.BatchNorm1d(outputs)
        self.dense1 = nn.Linear(outputs, outputs)
        self.dense2 = nn.Linear(outputs, outputs)
        self.has_shortcut = stride != 1 or inputs != outputs
        if self.has_shortcut:
            self.conv_3 = nn.Conv1d(inputs, outputs, kernel, stride, padding)
            self.bn_3 = nn.BatchNorm1d(outputs)
        self.pool = pool

    def forward(self, x):
        out = functional.relu(self.bn_1(self.conv_1(x)))
        out = self.bn_2(self.conv_2(out))
        scale = functional.relu(self.dense1(out.mean(dim=2)))
        out = out * torch.sigmoid(self.dense2(scale)).unsqueeze(2)
        shortcut = self.bn_3(self.conv_3(x)) if self.has_shortcut else x
        return functional.max_pool1d(functional.relu(out + shortcut), self.pool)


class SampleCnnSE(nn.Module):
    def __init__(self, channels, num_tags):
        super().__init__()
        widths = [1, *(channels * width for width in SAMPLE_WIDTHS[1:])]
        for i in range(11):
            kind = {0: (3, 3, 1), 10: (1, 1, 1)}.get(i, (3, 1, 3))
            setattr(self, f"layer{i + 1}", ResSE1d(widths[i], widths[i + 1], *kind))
        self.dense1 = nn.Linear(widths[-1], widths[-1])
        self.bn = nn.BatchNorm1d(widths[-1])
        self.dense2 = nn.Linear(widths[-1], num_tags)

    def forward(self, x):
        x = x.unsqueeze(1)
        for i in range(1, 12):
            x = getattr(self, f"layer{i}")(x)
        x = functional.relu(self.bn(self.dense1(x.squeeze(2))))
        return torch.sigmoid(self.dense2(x))


class MultiScale(nn.Module):
    """Takes log-mel spectrograms `(batch, 1, 128, 628)`."""

    def __init__(self, channels, num_tags, units):
        super().__init__()
        wide, wider, narrow = 5 * channels, 10 * channels, 7 * channels
        self.conv11 = nn.Conv2d(1, wide, (3, 7), padding=(1, 3))
        self.conv12 = nn.Conv2d(wide, wider, (3, 5), padding=(1, 2))
        self.conv13 = nn.Conv2d(wider, narrow, 3, padding=1)
        self.conv21 = nn.Conv2d(1, wider, (3, 5), padding=(1, 2))
        self.conv22 = nn.Conv2d(wider, narrow, 3, padding=1)
        self.conv31 = nn.Conv2d(1, narrow, 3, padding=1)
        self.conv4 = nn.Conv2d(3 * narrow, narrow, 3, padding=1)
        self.conv5 = nn.Conv2d(narrow, narrow, 3, padding=1)
        self.bn_layer = nn.BatchNorm1d(narrow * 8 * 9, eps=1e-3)
        self.fc1 = nn.Linear(narrow * 8 * 9, units)
        self.fc2 = nn.Linear(units, num_tags)

    def forward(self, x):
        relu, pool = functional.relu, functional.max_pool2d
        half = functional.avg_pool2d(x, (2, 4))
        quarter = pool(half, (2, 4))
        one = pool(relu(self.conv11(x)), (2, 4))
        one = pool(relu(self.conv12(one)), (2, 4))
        one = pool(relu(self.conv13(one)), 2)
        two = pool(relu(self.conv21(half)), (2, 4))
        two = pool(relu(self.conv22(two)), 2)
        three = pool(relu(self.conv31(quarter)), 2)
        x = relu(self.conv4(torch.cat([one, two, three], dim=1)))
        x = pool(relu(self.conv5(x)), 2).flatten(1)
        x = relu(self.fc1(self.bn_layer(x)))
        return torch.sigmoid(self.fc2(x))


def randomise(model, seed=0):
    """Fills a model with numbers under which its outputs differ; returns it."""
    generator = torch.Generator().manual_seed(seed)

    def uniform(like, low, high):
        return torch.rand(like.shape, generator=generator) * (high - low) + low

    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.weight.copy_(uniform(module.weight, 0.5, 1.5))
                module.bias.copy_(uniform(module.bias, -0.5, 0.5))
                module.running_mean.copy_(uniform(module.bias, -0.3, 0.3))
                module.running_var.copy_(uniform(module.bias, 0.5, 1.5))
                module.num_batches_tracked.fill_(7)
            elif isinstance(module, nn.Conv1d | nn.Conv2d | nn.Linear):
                # Variance is kept from layer to layer.
                limit = math.sqrt(6 / module.weight[0].numel())
                module.weight.copy_(uniform(module.weight, -limit, limit))
                module.bias.copy_(uniform(module.bias, -0.2, 0.2))
        if hasattr(model, "spec_bn"):
            # Decibels of noise are around -30.
            model.spec_bn.running_mean.fill_(-30.0)
            model.spec_bn.running_var.fill_(200.0)
    return model.eval()
