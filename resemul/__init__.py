"""resemul: music auto-tagging from raw waveforms with sample-level CNNs."""

from resemul.registration import register_with_keras

__version__ = "0.1.0"

register_with_keras()
