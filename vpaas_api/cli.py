"""The `vpaas` command."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import click

from vpaas_api import __version__, logs
from vpaas_api.settings import SETTINGS, Loaded, Setting, Settings, SettingsError, load, show

Command = Callable[..., None]


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Every setting is a flag of `vpaas serve` or a variable: `vpaas serve --help` lists them.",
)
@click.version_option(__version__)
def main() -> None:
    """A self-hosted video platform.

    \b
    Start a node, then open http://localhost:8080 and join a room:
      vpaas serve

    \b
    Call the API (the token is made on the first start):
      curl -H "Authorization: Bearer $(vpaas token --api)" \\
           -H "Content-Type: application/json" \\
           -d '{"name": "Lecture"}' http://localhost:8080/vpaas/rooms

    \b
    Let a broadcaster in; OBS takes the token as its WHIP bearer token:
      vpaas token --room ROOM_ID --no-subscribe

    \b
    Serve other machines:
      vpaas serve --host 0.0.0.0 --media-listen-ip 0.0.0.0 --media-announced-address 203.0.113.7
    """


def setting_options(*names: str) -> Callable[[Command], Command]:
    """A flag for each named setting, or for all of them."""
    chosen = [setting for setting in SETTINGS if not names or setting.name in names]

    def decorate(command: Command) -> Command:
        for setting in reversed(chosen):
            command = _option(setting)(command)
        return command

    return decorate


def _option(setting: Setting) -> Callable[[Command], Command]:
    flag = f"{setting.flag}/--no-{setting.flag[2:]}" if setting.is_bool else setting.flag
    unit = f" [{setting.unit}]" if setting.unit else ""
    default = "" if setting.default is None else f" (default: {show(setting.default)})"
    text = f"{setting.description}{unit}{default}. Variable: {setting.env}"
    if setting.is_bool:
        return click.option(flag, setting.name, default=None, help=text)
    return click.option(flag, setting.name, metavar="VALUE", help=text)


@main.command()
@setting_options()
@click.option("--print-config", is_flag=True, help="Print every effective setting with its source, and stop.")
def serve(print_config: bool, **flags: Any) -> None:
    """Run a node: API, signalling, media and the page.

    \b
    Flags win over VPAAS_* variables, and those over defaults. For example:
      vpaas serve --port 9000 --log-format console
      VPAAS_API_TOKEN=$(cat /run/secrets/api-token) vpaas serve --host 0.0.0.0
      vpaas serve --print-config
    """
    loaded = _load(flags)
    if print_config:
        _print_config(loaded)
        return
    from vpaas_api.node import api_token_of  # the engine is loaded only where it is needed
    from vpaas_api.server import listen, server

    settings = loaded.settings
    logs.configure(settings)
    api_token_of(settings)
    if settings.api_token is None:
        logs.get_logger().info("api_token", file=str(settings.data_dir / "api-token"))
    try:
        listening = listen(settings)
    except OSError as error:
        raise click.ClickException(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror or error}"
        ) from None
    # uvicorn shuts down on a signal and then raises it again; stopping in good order is a success.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        server(settings).run([listening])
    except KeyboardInterrupt:
        sys.exit(130)


@main.command()
@click.option("--api", is_flag=True, help="Print the API token instead.")
@click.option("--room", metavar="ID", help="Room to let the participant into.")
@click.option("--name", default="", help="Name shown to the others.")
@click.option("--publish/--no-publish", default=True, help="May send media (default: yes).")
@click.option("--subscribe/--no-subscribe", default=True, help="May receive media (default: yes).")
@click.option(
    "--ttl", type=click.IntRange(1), metavar="SECONDS", help="Life of the token (default: the room's)."
)
@setting_options("data_dir", "database_url", "api_token", "token_secret")
def token(
    api: bool,
    room: str | None,
    name: str,
    publish: bool,
    subscribe: bool,
    ttl: int | None,
    **flags: Any,
) -> None:
    """Print a token: of the API, or of one new participant of a room.

    \b
    On the node, so that it finds the data directory:
      vpaas token --api
      vpaas token --room ROOM_ID
      vpaas token --room ROOM_ID --no-subscribe --ttl 600
    Anywhere else, ask the node:
      POST /vpaas/rooms/ROOM_ID/join
    """
    settings = _load(flags).settings
    if api == (room is not None):
        raise click.UsageError("say either --api or --room ID")
    from vpaas_api.errors import ApiError
    from vpaas_api.node import api_token_of

    if room is None:
        click.echo(api_token_of(settings))
        return
    try:
        click.echo(asyncio.run(_access_token(settings, room, name, publish, subscribe, ttl)))
    except ApiError as error:
        raise click.ClickException(error.reason) from None


async def _access_token(
    settings: Settings, room_id: str, name: str, publish: bool, subscribe: bool, ttl: int | None
) -> str:
    from vpaas_api.auth import Permissions
    from vpaas_api.node import access_tokens_of
    from vpaas_api.rest.joins import JoinRequest, admit
    from vpaas_api.rest.rooms import find_room
    from vpaas_api.store import Store

    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    store = Store(settings.effective_database_url)
    try:
        await store.open()
        wanted = JoinRequest(display_name=name, permissions=Permissions(publish, subscribe), ttl_seconds=ttl)
        room = await find_room(store, room_id)
        signed, _ = await admit(store, access_tokens_of(settings), room, wanted)
        return signed
    finally:
        await store.close()


def _load(flags: dict[str, Any]) -> Loaded:
    try:
        loaded = load(flags, os.environ)
    except SettingsError as error:
        raise click.ClickException(f"settings are wrong\n{error}") from None
    for variable in loaded.unknown:
        click.echo(f"warning: {variable} is no setting of this version", err=True)
    return loaded


def _print_config(loaded: Loaded) -> None:
    rows = [("setting", "value", "unit", "source")]
    for setting in SETTINGS:
        value = getattr(loaded.settings, setting.name)
        shown = "(hidden)" if setting.secret and value is not None else show(value)
        rows.append((setting.name, shown, setting.unit, loaded.sources[setting.name]))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        click.echo(
            "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]])
        )
