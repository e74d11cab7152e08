"""resemul: music auto-tagging from raw waveforms with sample-level CNNs."""

__version__ = "0.1.0"
