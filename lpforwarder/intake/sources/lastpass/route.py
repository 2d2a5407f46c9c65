"""The way to the vault: straight, or through a proxy."""

from __future__ import annotations

from urllib.parse import urlsplit

from lpforwarder.config.addresses import is_loopback


def proxy_for(url: str, proxy: str) -> str | None:
    """The proxy to use; under `env` that of the environment, never for this machine itself."""
    if proxy != "env":
        return None if proxy == "none" else proxy
    import urllib.request  # takes longer to load than all the rest of a configuration check

    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_loopback(host) or urllib.request.proxy_bypass(host):
        return None
    found = urllib.request.getproxies()
    through = found.get(parts.scheme) or found.get("all")
    return through if through is None or "://" in through else f"http://{through}"


def first_host(url: str, proxy: str) -> str:
    """The host that connections go to: the proxy's, else the vault's."""
    return urlsplit(proxy_for(url, proxy) or url).hostname or ""
