"""Errors that a user can cause; the command line prints them in one line."""


class ResemulError(Exception):
    """Base of every error that the input, not the code, is to blame for."""


class ConfigError(ResemulError, ValueError):
    """An option has a value that cannot work."""


class AudioError(ResemulError):
    """An audio file cannot be read, or is too short."""


class DatasetError(ResemulError):
    """Annotations, records or a data folder are missing, broken or do not match."""


class DownloadError(ResemulError):
    """A file could not be fetched whole and intact."""


class WeightsError(ResemulError):
    """A model file or its card is missing, broken or does not fit."""


class TrainingError(ResemulError):
    """Training cannot go on: no data, diverged, or another run's folder."""
