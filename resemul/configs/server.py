"""Options of the HTTP service."""

import os
from dataclasses import dataclass
from pathlib import Path

from resemul.configs.fields import check_options, option


@dataclass(frozen=True)
class ServerConfig:
    """Options of `resemul serve`; each can also be set as `RESEMUL_<NAME>`."""

    host: str = option("127.0.0.1", help="address to listen at")
    port: int = option(8000, help="port to listen at", minimum=0, maximum=65_535)
    max_upload_mb: float = option(
        200.0, help="most megabytes of a request, all its files together", above=0
    )
    max_files: int = option(32, help="most files of a request", minimum=1)
    max_seconds: float = option(3600.0, help="most seconds of sound of a file", above=0)
    queue: int = option(
        64, help="files that may wait or be at work; more are refused", minimum=1
    )
    workers: int = option(
        max(1, min(4, os.cpu_count() or 1)),
        help="processes that decode",
        minimum=1,
    )
    timeout: float = option(
        120.0,
        help="seconds that a file may wait and take, and that a client may be silent",
        above=0,
    )
    upload_timeout: float = option(
        600.0, help="seconds within which a request must have come in", above=0
    )
    wait: float = option(
        30.0,
        help="seconds after which a request that is not done becomes a job to ask for",
        minimum=0,
    )
    keep_jobs: float = option(
        600.0, help="seconds that the result of a job is kept", minimum=0
    )
    token_file: Path | None = option(
        None, help="file with a token that every request for work must carry"
    )
    cors_origin: str | None = option(
        None,
        help="origin whose pages may call the service, such as https://example.org",
    )

    def __post_init__(self) -> None:
        check_options(self)

    @property
    def max_upload_bytes(self) -> int:
        """`max_upload_mb` in bytes."""
        return int(self.max_upload_mb * 1_000_000)
