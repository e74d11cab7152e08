"""`resemul serve`: tags over HTTP, and a page."""

import argparse
import contextlib
import logging
import os
import socket
from pathlib import Path

from resemul.cli.options import add_fields, fields_given
from resemul.cli.parser import new_parser
from resemul.configs.fields import options_of
from resemul.configs.server import ServerConfig
from resemul.configs.values import parse_field
from resemul.errors import ConfigError

logger = logging.getLogger(__name__)


def build_parser() -> argparse.ArgumentParser:
    """The options of `resemul serve`."""
    parser = new_parser(
        "Tags audio files over HTTP, and shows a page that does so in a browser.",
        "Every option can also be set in the environment: RESEMUL_PORT=8080. The "
        "service listens to this machine alone unless --host says otherwise.",
        examples=[
            "resemul serve",
            "resemul serve --model log/best.onnx --host 0.0.0.0 --token-file token",
            "curl -F file=@song.mp3 'http://127.0.0.1:8000/tag?top_k=5'",
        ],
    )
    parser.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="NAME|FILE",
        help="published name or model file; may be repeated (default: those of "
        "'resemul tag')",
    )
    add_fields(parser.add_argument_group("service"), ServerConfig)
    return parser


def main(args: argparse.Namespace) -> int:
    """Serves until it is stopped."""
    config = _config(args)
    token = None
    if config.token_file is not None:
        try:
            token = config.token_file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"--token-file {config.token_file}: {error}") from error
        if not token:
            raise ConfigError(f"--token-file {config.token_file} is empty")
    try:
        import uvicorn

        from resemul.server.app import build_app
        from resemul.server.connections import server_options
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"the service needs {error.name}: pip install 'resemul[server]'"
        ) from error
    from resemul.tagging.opening import names_of_models
    from resemul.tagging.tagger import Tagger

    listener = _listen(config)
    taggers = {_shown(name): Tagger(name) for name in names_of_models(args.model)}
    app = build_app(taggers, config, token)
    host = f"[{config.host}]" if ":" in config.host else config.host
    port = listener.getsockname()[1]
    logger.info("resemul serves %s at http://%s:%d", ", ".join(taggers), host, port)
    server = uvicorn.Server(server_options(app, config))
    with contextlib.suppress(KeyboardInterrupt):  # it has stopped, as it was asked to
        server.run(sockets=[listener])
    return 0 if server.started else 1


def _listen(config: ServerConfig) -> socket.socket:
    """Takes the port before anything heavy begins; clients wait for the rest."""
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    try:
        return socket.create_server((config.host, config.port), family=family)
    except OSError as error:
        # Names that cannot be resolved have numbers of their own, below zero.
        number = error.errno or 0
        reason = os.strerror(number) if number > 0 else "no such host"
        raise ConfigError(
            f"cannot listen at {config.host}, port {config.port} ({reason}); choose "
            "others with --host and --port"
        ) from error


def _shown(model: str) -> str:
    """What clients call a model: its published name, or that of its file."""
    return Path(model).stem if Path(model).is_file() else model


def _config(args: argparse.Namespace) -> ServerConfig:
    """Options that were typed go before those of the environment."""
    said = {
        name: parse_field(ServerConfig, name, os.environ[variable], "", variable)
        for name in options_of(ServerConfig)
        if (variable := f"RESEMUL_{name.upper()}") in os.environ
    }
    return ServerConfig(**{**said, **fields_given(args, ServerConfig)})
