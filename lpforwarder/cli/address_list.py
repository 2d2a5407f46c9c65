"""`address-list`: a systemd drop-in that lets the service talk to its own addresses and nobody else."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import click
from msgspec import Struct

from lpforwarder.cli import Globals

if TYPE_CHECKING:
    from lpforwarder.settings import Settings

RESOLVER = Path("/etc/resolv.conf")

LookUp: TypeAlias = Callable[[str], list[str]]
"""Host name → its addresses; OSError when there are none."""


class Need(Struct, frozen=True):
    """Somebody the service talks to: why, and the names or addresses of that somebody."""

    why: str
    hosts: Sequence[str]


class Unknown(Exception):
    """Names without an address: a list without them would cut the service off."""

    def __init__(self, hosts: Sequence[str]) -> None:
        super().__init__(", ".join(hosts))
        self.hosts = hosts


@click.command(
    epilog="""\b
Examples:
  lpforwarder address-list > /etc/systemd/system/lpforwarder.service.d/addresses.conf
  lpforwarder address-list --allow 10.0.0.0/8
"""
)
@click.option("--allow", multiple=True, metavar="NET", help="Also this address or network; may be repeated.")
@click.pass_context
def address_list(ctx: click.Context, allow: tuple[str, ...]) -> None:
    """Print a systemd drop-in that allows the configured addresses and no others.

    Names are looked up now. Print it again when an address changes: what is not in the list is out of
    reach. Clients of an HTTP endpoint on other machines need --allow. Exit code 3, and nothing printed,
    when a name has no address.
    """
    from lpforwarder.settings import find, load

    globals_: Globals = ctx.obj
    nets = [_network(text) for text in allow]
    path = find(globals_.config)
    try:
        text = drop_in(needs(load(path), servers_in(RESOLVER), nets), _look_up)
    except Unknown as unknown:
        click.echo(f"error[LPF201] no address is known for: {unknown}", err=True)
        click.echo("   fix    mend the name or the resolver, then try again; nothing was printed", err=True)
        ctx.exit(3)
    click.echo(text, nl=False)
    click.echo("Then: systemctl daemon-reload && systemctl restart lpforwarder", err=True)


def needs(settings: Settings, name_servers: Sequence[str], allowed: Sequence[str]) -> Iterator[Need]:
    """Everybody the service talks to, in the order of the configuration."""
    yield Need("this machine", ["127.0.0.0/8", "::1"])
    if name_servers:
        yield Need("name servers of /etc/resolv.conf", name_servers)
    for source in settings.sources:
        if hosts := list(source.hosts()):
            yield Need(f"source {source.name}", hosts)
    for collector in settings.collectors:
        yield Need(f"collector {collector.name}", list(getattr(collector, "host", ())))
    if allowed:
        yield Need("--allow", allowed)


def drop_in(needed: Iterable[Need], look_up: LookUp) -> str:
    """The text of the drop-in. Raises Unknown with every name that has no address."""
    lines = [
        "# Made by `lpforwarder address-list`. Names were looked up then: make it again when one moves.",
        "[Service]",
        "IPAddressDeny=any",
    ]
    unknown: list[str] = []
    for need in needed:
        names = [host for host in need.hosts if not _is_net(host)]
        addresses = [host for host in need.hosts if _is_net(host)]
        for name in names:
            try:
                addresses += look_up(name)
            except OSError:
                unknown.append(name)
        lines.append(f"# {need.why}" + (f": {', '.join(names)}" if names else ""))
        if addresses:
            lines.append(f"IPAddressAllow={' '.join(dict.fromkeys(map(_without_scope, addresses)))}")
    if unknown:
        raise Unknown(unknown)
    return "\n".join(lines) + "\n"


def servers_in(resolver: Path) -> list[str]:
    """The name servers of a resolv.conf; none when it cannot be read."""
    try:
        lines = resolver.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    words = [line.split() for line in lines]
    named = [word[1] for word in words if len(word) > 1 and word[0] == "nameserver"]
    return [server for server in named if _is_net(server)]


def _network(text: str) -> str:
    if not _is_net(text):
        raise click.BadParameter(f"{text!r} is no address or network, for example 192.0.2.7 or 10.0.0.0/8")
    return text


def _is_net(text: str) -> bool:
    try:
        ipaddress.ip_network(_without_scope(text), strict=False)
    except ValueError:
        return False
    return True


def _without_scope(address: str) -> str:
    """systemd knows no interface names in addresses."""
    return address.partition("%")[0]


def _look_up(host: str) -> list[str]:
    import socket

    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # no host name could be written so
        raise OSError(str(error)) from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
