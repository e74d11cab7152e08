"""Errors that a user can cause; the command line prints them in one line."""


class ResemulError(Exception):
    """Base of every error that the input, not the code, is to blame for."""

    # Of a command that ends with it.
    exit_status = 1


class ConfigError(ResemulError, ValueError):
    """An option has a value that cannot work."""


class OutputExistsError(ConfigError):
    """A result is there already, and is not overwritten."""

    exit_status = 2


class AudioError(ResemulError):
    """An audio file cannot be read, or is too short."""


class DatasetError(ResemulError):
    """Annotations, records or a data folder are missing, broken or do not match."""


class UnknownNameError(DatasetError, KeyError):
    """An id, a name or a number that no table has."""

    # KeyError would print the message in quotes.
    __str__ = Exception.__str__


class DownloadError(ResemulError):
    """A file could not be fetched whole and intact."""


class WeightsError(ResemulError):
    """A model file or its card is missing, broken or does not fit."""


class TrainingError(ResemulError):
    """Training cannot go on: no data, diverged, or another run's folder."""


class WorkerError(ResemulError):
    """Worker processes cannot be started."""


class FileTagsError(ResemulError):
    """The tags of a song cannot be read, written or taken back."""
