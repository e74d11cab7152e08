"""Installs resemul: alone what tagging needs, `[train]` all of requirements.txt."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent

# What `resemul tag` and `file-tags` need: no TensorFlow, no Keras.
TAGGING = (
    "av",
    "filelock",
    # Some published weights are hdf5 files.
    "h5py",
    "matplotlib",
    "mutagen",
    "numpy",
    "onnxruntime",
    "pandas",
    "platformdirs",
    # Completion in shells.
    "shtab",
    "tqdm",
)


def read_requirements() -> list[str]:
    lines = (HERE / "requirements.txt").read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def read_version() -> str:
    text = (HERE / "resemul" / "__init__.py").read_text("utf-8")
    return re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)[1]


REQUIREMENTS = read_requirements()
NOTEBOOK = ["jupyter>=1", "nbclient>=0.10", "nbformat>=5.10", "ipykernel>=6"]
DASK = ["distributed>=2024.8"]
DOCS = ["mkdocs-material>=9.5", "mkdocstrings[python]>=0.25"]
PARQUET = ["pyarrow>=16"]
SERVER = [
    "fastapi>=0.115",
    "prometheus-client>=0.20",
    "python-multipart>=0.0.18",
    "uvicorn>=0.30",
]

setup(
    name="resemul",
    version=read_version(),
    description="Music auto-tagging from raw waveforms",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    license_files=["LICENSE"],
    keywords="music tagging audio classification keras onnx magnatagatune",
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: End Users/Desktop",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Multimedia :: Sound/Audio :: Analysis",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    packages=find_packages(include=["resemul", "resemul.*"]),
    package_data={
        "resemul": ["py.typed", "curation/lists/*", "export/graphs/*", "server/page/*"]
    },
    python_requires=">=3.11",
    install_requires=[r for r in REQUIREMENTS if r.split(">=")[0] in TAGGING],
    extras_require={
        "train": REQUIREMENTS,
        # Has to be built without isolation; see "The madmom decoder" in the README.
        "madmom": ["madmom>=0.16.1", "cython>=3", "setuptools>=65"],
        "notebook": [*REQUIREMENTS, *NOTEBOOK],
        "docs": [*REQUIREMENTS, *DOCS],
        "dask": DASK,
        "parquet": PARQUET,
        "server": SERVER,
        "export": REQUIREMENTS,
        # What 'make bench' compares with; madmom, if it is there, too.
        "bench": [*REQUIREMENTS, "librosa>=0.10", "torch>=2.6"],
        "test": [
            *REQUIREMENTS,
            *NOTEBOOK,
            *DASK,
            *PARQUET,
            *SERVER,
            *DOCS,
            "axe-playwright-python>=0.1.4",
            "build>=1.2",
            "httpx>=0.27",
            "hypothesis>=6",
            "jax>=0.5",
            "mypy>=1.15",
            "onnx>=1.16",
            "playwright>=1.44",
            "pytest>=8",
            "pytest-xdist>=3.5",
            "ruff>=0.15",
            "schemathesis>=4",
            "setuptools>=65",
            "twine>=6.1",
            "uv>=0.5",
            "wheel>=0.45",
        ],
    },
    entry_points={"console_scripts": ["resemul = resemul.cli:run"]},
)
