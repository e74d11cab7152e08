"""Installs resemul; `pip install .[test]` adds what the tests need."""

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent


def read_requirements() -> list[str]:
    lines = (HERE / "requirements.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


setup(
    name="resemul",
    version="0.1.0",
    description="Music auto-tagging from raw waveforms with sample-level CNNs",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    packages=find_packages(include=["resemul", "resemul.*"]),
    package_data={"resemul": ["py.typed", "curation/lists/*"]},
    python_requires=">=3.11",
    install_requires=read_requirements(),
    extras_require={
        # Has to be built without isolation; see "The madmom decoder" in the README.
        "madmom": ["madmom>=0.16.1", "cython>=3", "setuptools>=65"],
        "notebook": ["jupyter>=1", "nbclient>=0.10", "ipykernel>=6"],
        "parquet": ["pyarrow>=15"],
        "export": ["onnx>=1.16", "onnxruntime>=1.18"],
        # What 'make bench' compares with; madmom, if it is there, too.
        "bench": ["torch>=2.6"],
        "test": [
            "pytest>=8",
            "hypothesis>=6",
            "ruff>=0.15",
            "mypy>=1.15",
            "jax>=0.5",
            "nbclient>=0.10",
            "nbformat>=5.10",
            "ipykernel>=6",
            "pyarrow>=15",
            "onnx>=1.16",
            "onnxruntime>=1.18",
        ],
    },
    entry_points={"console_scripts": ["resemul = resemul.cli:run"]},
)
