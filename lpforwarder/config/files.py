"""What is wrong with the files a configuration names: existence, rights, contents. No network."""

from __future__ import annotations

import errno
import os
import ssl
import stat
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from lpforwarder.config.options import Finding
from lpforwarder.counting import counted

_WARN_DAYS = 30
_MOST_AUTHORITIES = 5
_LOCKED = b"ENCRYPTED"
Stamp: TypeAlias = tuple[int, int, int]
"""When a file was written, its size and its inode."""
Stamps: TypeAlias = tuple[Stamp | None, ...]
_PEM = "PEM begins with -----BEGIN CERTIFICATE-----; openssl x509 -inform der -in FILE converts"


def authorities(path: Path | None, *, key: str) -> Iterable[Finding]:
    """Whatever keeps `path` from being used as the trusted authorities; nothing for None."""
    if path is None:
        return
    if problem := unreadable(path, key=key):
        yield problem
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cafile=path)
    except ssl.SSLError:
        yield _broken(key, f"{path} holds no certificate in PEM form", _PEM)
        return
    if _may_expire(context):
        yield from _authorities_expire(path, key=key)


def key_pair(cert: Path | None, private: Path | None, *, keys: tuple[str, str]) -> Iterable[Finding]:
    """Whatever keeps certificate and key from being used together; the key may stand in `cert` itself."""
    if cert is None:
        return
    cert_key, private_key = keys
    problems = [unreadable(cert, key=cert_key)]
    if private is not None:
        problems.append(unreadable(private, key=private_key) or exposed(private, key=private_key))
    found = [problem for problem in problems if problem]
    yield from found
    if any(problem.code != "LPF110" for problem in found):
        return
    yield from _mismatch(cert, private, keys)
    if private is None and (problem := _exposed_pair(cert, key=cert_key)):
        yield problem
    yield from _expiry(cert, key=cert_key)


def unusable(ca: Path | None, cert: Path | None, private: Path | None) -> Finding | None:
    """What keeps these TLS files from being used, as `check-config` would say it; None when nothing does.

    For whoever could not load them: OpenSSL names neither the file nor what is wrong with it.
    """
    try:
        found = [*authorities(ca, key="ca_file"), *key_pair(cert, private, keys=("cert_file", "key_file"))]
    except OSError:  # they change while they are looked at
        return None
    return next((one for one in found if not one.note and one.code != "LPF110"), None)


def require_files(*paths: Path | None) -> None:
    """Nothing when all of them are files; OSError when one is missing or is something else.

    To be asked just before a library opens them: to open a pipe waits for a writer for ever, and some devices
    never end. None is passed over.
    """
    for path in paths:
        if path is not None:
            _require_file(path, path.stat())


def stamps(paths: Iterable[Path]) -> Stamps:
    """What tells each file from what it was before or will be; None for one that nobody can look at."""
    return tuple(_stamp(path) for path in paths)


def _stamp(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def content(path: Path) -> bytes:
    """What the file holds; OSError when it cannot be read or is no file, as require_files() says it."""
    with open(path, "rb", opener=open_at_once) as file:
        _require_file(path, os.fstat(file.fileno()))
        return file.read()


def open_at_once(path: str, flags: int) -> int:
    """A descriptor, as the `opener` of open(): of a pipe too, without waiting for its writer."""
    return os.open(path, flags | os.O_NONBLOCK)


def _require_file(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "not a file", str(path))


def secret(path: Path, *, key: str) -> Iterable[Finding]:
    """Whatever keeps the file from being used as a secret: its rights, or nothing in it."""
    if problem := unreadable(path, key=key) or exposed(path, key=key):
        yield problem
    elif not content(path).strip():
        yield Finding(
            key=key, code="LPF111", note=False, what=f"{path} is empty", fix="write the secret into it"
        )


def unreadable(path: Path, *, key: str) -> Finding | None:
    """A finding when the file cannot be opened and read."""
    try:
        if problem := other_than_file(path, key=key, fix="name a file"):
            return problem
        with open(path, "rb", opener=open_at_once) as file:
            file.read(1)
    except FileNotFoundError:
        return _broken(key, f"{path} does not exist", "create it, or correct the path")
    except PermissionError:
        fix = f"let the user of the service read it: chown or chgrp {path}"
        return Finding(
            key=key, code="LPF122", note=False, what=f"{path} cannot be read by this user", fix=fix
        )
    except OSError as error:
        return _broken(key, f"{path} cannot be read: {(error.strerror or 'unknown').lower()}", "name a file")
    return None


def other_than_file(path: Path, *, key: str, fix: str) -> Finding | None:
    """A finding when something stands there that is no file; OSError when nobody can see what."""
    return _broken(key, f"{path} is not a file", fix) if path.exists() and not path.is_file() else None


def exposed(path: Path, *, key: str) -> Finding | None:
    """A finding when others than the owner can read the file, which holds a secret."""
    mode = path.stat().st_mode & 0o777
    if not mode & 0o077:
        return None
    who = "everyone here" if mode & 0o007 else "its group"
    return Finding(
        key=key,
        code="LPF110",
        note=False,
        what=f"{path} can be read by {who} ({mode:04o})",
        fix=f"chmod 600 {path}; if it has been so for long, make a new one",
    )


def _expiry(path: Path, *, key: str) -> Iterable[Finding]:
    """A note when the certificate ends within a month, or has ended."""
    from cryptography import x509  # takes a while to load, and most configurations name no certificate

    try:
        end = x509.load_pem_x509_certificate(content(path)).not_valid_after_utc
    except ValueError:
        return  # said already: it could not be loaded
    yield from _ends(str(path), end, "have it renewed; the new one is taken up by itself", key=key)


def _may_expire(context: ssl.SSLContext) -> bool:
    """False when all authorities are good for another month: what names them takes 50 ms to load."""
    known = context.get_ca_certs()  # without those that are none by their own account
    soon = time.time() + _WARN_DAYS * 86_400
    are_good = all(ssl.cert_time_to_seconds(str(one["notAfter"])) >= soon for one in known)
    return not are_good or len(known) < context.cert_store_stats()["x509"]


def _authorities_expire(path: Path, *, key: str) -> Iterable[Finding]:
    """The same for authorities. Of several with one name the last counts: that is how they are replaced.

    A file with many is a system's whole store, where some always end.
    """
    from cryptography import x509

    last: dict[x509.Name, datetime] = {}
    try:
        for found in x509.load_pem_x509_certificates(content(path)):
            end = found.not_valid_after_utc
            last[found.subject] = max(end, last.get(found.subject, end))
    except ValueError:
        return
    if len(last) > _MOST_AUTHORITIES:
        return
    for name, end in last.items():
        what = f"{path}: the CA {name.rfc4514_string()!r}"
        yield from _ends(what, end, "put the next one beside it in the same file", key=key)


def _ends(what: str, end: datetime, fix: str, *, key: str) -> Iterable[Finding]:
    days = (end - datetime.now(UTC)).days
    if days < _WARN_DAYS:
        told = f"{what} {_expires(days)}" if days >= 0 else f"{what} has expired"
        yield Finding(key=key, code="LPF205", what=told, fix=fix)


def _expires(days: int) -> str:
    return f"expires in {counted(days, 'day')}" if days else "expires within a day"


def _exposed_pair(path: Path, *, key: str) -> Finding | None:
    """A certificate may be public; one with its key in the same file may not."""
    return exposed(path, key=key) if b"PRIVATE KEY-----" in content(path) else None


def _mismatch(cert: Path, private: Path | None, keys: tuple[str, str]) -> Iterable[Finding]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        # A password is never asked for: the daemon has nobody to ask.
        context.load_cert_chain(cert, private, password="")
    except ssl.SSLError as error:
        yield _pair_problem(error, cert, private, keys)


def _pair_problem(error: ssl.SSLError, cert: Path, private: Path | None, keys: tuple[str, str]) -> Finding:
    if error.reason == "KEY_VALUES_MISMATCH":
        where = private or cert
        return _broken(keys[1], f"{where} is not the key of {cert}", "name the key that was made with it")
    if not _has_certificate(cert):
        return _broken(keys[0], f"{cert} holds no certificate in PEM form", _PEM)
    if private is None:
        return _broken(
            keys[0], f"{cert} holds no private key that can be read", "name it: key_file: client.key"
        )
    if _LOCKED in content(private):
        fix = f"take the passphrase off: openssl pkey -in {private} -out NEW; chmod 600 NEW"
        return _broken(keys[1], f"{private} is locked with a passphrase, and there is nobody to ask", fix)
    fix = "a key in PEM form begins with -----BEGIN PRIVATE KEY-----; make the file anew"
    return _broken(keys[1], f"{private} holds no private key that can be read", fix)


def _has_certificate(path: Path) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except ssl.SSLError:
        return False
    return True


def _broken(key: str, what: str, fix: str) -> Finding:
    return Finding(key=key, code="LPF119", note=False, what=what, fix=fix)
