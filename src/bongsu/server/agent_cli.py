"""The commands that run beside the monitored thing: `bongsu agent` and `bongsu autoscale`."""

from __future__ import annotations

import contextlib
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from bongsu.client.autoscale.rules import Rule

_SERVER = click.option("--url", envvar="BONGSU_URL", help="Address of the server (BONGSU_URL).")
_KEY = click.option(
    "--key", envvar="BONGSU_KEY", help="Key of the project with the scope 'write' (BONGSU_KEY)."
)


@click.group()
def agent() -> None:
    """Report an application or a machine to a server."""


@agent.command("run", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@_SERVER
@_KEY
@click.option("--name", help="Service name; default: OTEL_SERVICE_NAME, else the command's name.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def agent_run(url: str | None, key: str | None, name: str | None, command: tuple[str, ...]) -> None:
    """Start a Python application so that it reports itself: bongsu agent run -- gunicorn shop:app"""
    from bongsu.agent.run import environment_for, run

    run(command, environment_for(os.environ, url=url, key=key, name=name, command=command))


@click.command()
@click.option(
    "--url",
    envvar="BONGSU_URL",
    default="http://127.0.0.1:9595",
    show_default=True,
    help="Address of the server (BONGSU_URL).",
)
@click.option(
    "--token", envvar="BONGSU_TOKEN", required=True, help="Key with the scope 'read' (BONGSU_TOKEN)."
)
@click.option(
    "--pcode",
    envvar="BONGSU_PCODE",
    default="",
    help="Code of the project, for real-time numbers (BONGSU_PCODE).",
)
@click.option(
    "--rules", "file", metavar="FILE", type=click.Path(path_type=Path), help="TOML file with tables [[rule]]."
)
@click.option("--number", help="Real-time number that one rule looks at, such as actx.")
@click.option("--promql", help="PromQL expression that one rule looks at; worth one value.")
@click.option("--up-above", type=float, help="Scale up while the value stays above this.")
@click.option("--down-below", type=float, help="Scale down while the value stays below this.")
@click.option("--up", help="Command that scales up.")
@click.option("--down", help="Command that scales down.")
@click.option(
    "--for",
    "hold",
    help="How long the value must stay beyond a threshold, as in 30s.  [default: up 15s, down 5m]",
)
@click.option("--cooldown", help="How long after a command none runs, as in 2m.  [default: up 1m, down 5m]")
@click.option("--every", default="5s", show_default=True, help="Time between two readings.")
@click.option("--dry-run", is_flag=True, help="Say what would run, and run nothing.")
@click.option("--once", is_flag=True, help="Read once, say what is there, and end.")
def autoscale(
    url: str,
    token: str,
    pcode: str,
    file: Path | None,
    every: str,
    *,
    dry_run: bool,
    once: bool,
    **flags: Any,
) -> None:
    """Run a command when a number stays beyond a threshold: a rule by options, or a file of rules."""
    import asyncio

    from bongsu.client.autoscale.loop import Autoscaler
    from bongsu.client.autoscale.readings import Source
    from bongsu.model.durations import parse_duration
    from bongsu.runtime.clock import SystemClock

    rules, source = _rules(file, flags), Source(url, token, pcode)
    if once:
        for rule in rules:
            click.echo(f"{rule.name}: {source.read(rule):g}")
        return
    every_ms = parse_duration(every)
    if not every_ms:
        raise click.BadParameter("at least 1s is needed", param_hint="--every")

    def say(line: str) -> None:
        click.echo(f"{datetime.now(UTC).strftime('%Y-%m-%dT%H:%M:%SZ')} {line}")

    scaler = Autoscaler(rules, source, clock=SystemClock(), every_s=every_ms / 1000, dry_run=dry_run, say=say)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(scaler.run())


def _rules(file: Path | None, flags: dict[str, Any]) -> list[Rule]:
    from bongsu.client.autoscale.config import make_rule, read_rules

    given = {name if name != "hold" else "for": value for name, value in flags.items() if value is not None}
    if file is not None:
        if given:
            raise click.UsageError("give a file of rules or one rule by options, not both")
        return read_rules(file)
    if not given:
        raise click.UsageError("give --rules FILE, or one rule: --number actx --up-above 80 --up 'COMMAND'")
    return [make_rule({"name": given.get("number") or "rule", **given}, "of the options")]


@agent.command("host")
@_SERVER
@_KEY
@click.option("--name", default="", help="Name of the machine; default: its host name.")
@click.option("--region", default="", help="Region code; default: the project's own.")
@click.option("--instance-id", default="", help="Identifier of the machine where it came from.")
@click.option(
    "--collect",
    type=click.Choice(["server", "agent"]),
    default="server",
    show_default=True,
    help="Who scrapes the machine's targets: the server, or, where it cannot reach the machine, this agent, which pushes.",
)
@click.option(
    "--local-host",
    default="127.0.0.1",
    show_default=True,
    help="Where this agent finds the machine's exporters.",
)
@click.option("--period", default="15s", show_default=True, help="Time between two reports of metrics.")
def agent_host(
    url: str | None,
    key: str | None,
    name: str,
    region: str,
    instance_id: str,
    collect: str,
    local_host: str,
    period: str,
) -> None:
    """Register this machine as a server of the project, and report its metrics."""
    from bongsu.agent.run import environment_for
    from bongsu.model.durations import parse_duration

    try:
        from bongsu.agent.host.machine import MachineOptions
        from bongsu.agent.host.main import run_machine
    except ImportError as error:
        raise click.ClickException(
            f"{error}; install what the agent needs: pip install 'bongsu[agent]'"
        ) from error
    environment = environment_for(os.environ, url=url, key=key, name="bongsu-host-agent", command=("host",))
    options = MachineOptions(
        name=name,
        region=region,
        instance_id=instance_id,
        collects=collect == "agent",
        local_host=local_host,
        period_ms=parse_duration(period),
    )
    if not url or not key:
        raise click.UsageError("give --url and --key, or set BONGSU_URL and BONGSU_KEY")
    os.environ.update({name: value for name, value in environment.items() if name.startswith("OTEL_")})
    run_machine(url, key, options)
