"""Makes the files beside it, with PyTorch; run in this folder.

They let the reader be tested where PyTorch is not installed.
"""

import sys
import types
from collections import OrderedDict
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from torch_modules import SampleCnn, randomise


def tensors():
    """One of each kind: `test_torch_reader.py` has the same numbers."""
    grid = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    return OrderedDict(
        whole=grid,
        # Share the storage of `whole`.
        column=grid[:, 2],
        block=grid[1:3, 1:4],
        turned=grid.t(),
        scalar=torch.tensor(7),
        empty=torch.zeros(0, 3),
        double=torch.tensor([0.1, -0.2], dtype=torch.float64),
        half=torch.tensor([1.5, -2.0], dtype=torch.float16),
        bfloat16=torch.tensor([1.5, -3.0], dtype=torch.bfloat16),
        bytes=torch.tensor([0, 255], dtype=torch.uint8),
        flags=torch.tensor([True, False]),
        parameter=torch.nn.Parameter(torch.tensor([2.5])),
    )


def lightning():
    """A checkpoint with objects of classes that the reader does not have."""
    module = types.ModuleType("omegaconf.dictconfig")

    class DictConfig(dict):
        pass

    DictConfig.__module__, DictConfig.__qualname__ = module.__name__, "DictConfig"
    module.DictConfig = DictConfig
    sys.modules["omegaconf"] = types.ModuleType("omegaconf")
    sys.modules[module.__name__] = module
    config = DictConfig(n_class=50, path=Path("data"))
    config.parent = DictConfig
    return {
        "epoch": 23,
        "callbacks": {DictConfig: {"best": torch.tensor(0.9), "seen": {1, 2}}},
        "state_dict": OrderedDict({"model.weight": torch.arange(3.0)}),
        "hyper_parameters": config,
    }


def main():
    for name, is_zip in (("legacy.pth", False), ("zip.pth", True)):
        torch.save(tensors(), name, _use_new_zipfile_serialization=is_zip)
    torch.save(lightning(), "lightning.ckpt")
    state = randomise(SampleCnn(channels=1, num_tags=3)).state_dict()
    torch.save(state, "sample_cnn.pth", _use_new_zipfile_serialization=False)


if __name__ == "__main__":
    main()
