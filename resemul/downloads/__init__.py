"""Files from the network: resumed, checked, unpacked, renamed at the end."""

from resemul.downloads.fetch import download
from resemul.downloads.joined import JoinedFile
from resemul.downloads.mtt import MTT_URL, PUBLISHED_MTT, MttFiles, download_mtt
from resemul.downloads.transfer import Retries
from resemul.downloads.unzip import unzip

__all__ = [
    "MTT_URL",
    "PUBLISHED_MTT",
    "JoinedFile",
    "MttFiles",
    "Retries",
    "download",
    "download_mtt",
    "unzip",
]
