"""How one MediaMTX is connected to: its address, login and certificates, as one HTTP client.

Nothing is taken from the environment (proxies, `.netrc`), no redirect is followed: the server of the settings is
talked to, or none. Idle connections are given up after 5 s, well before MediaMTX closes them (its `readTimeout`, 10 s),
so that a request is never lost to a connection that was just closed at the other end.

Not guaranteed: nothing is connected here; a wrong address or login shows with the first request.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx

from reconciler.errors import SettingsError
from reconciler.mediamtx.faults import Endpoint

if TYPE_CHECKING:
    from reconciler.core.model import ServerSpec, Tls

__all__ = ["connect"]

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_LIMITS: Final = httpx.Limits(max_connections=4, max_keepalive_connections=2, keepalive_expiry=5.0)


def connect(spec: ServerSpec, transport: httpx.AsyncBaseTransport | None) -> tuple[httpx.AsyncClient, Endpoint]:
    """Return a client whose base is the server's address, and that address as it may be shown.

    A login inside the URL counts when the settings have none of their own.

    Raises:
        SettingsError: the address, or a file of the TLS settings, cannot be used; names the setting.
    """
    url = _url(spec)
    username, password = spec.username or url.username, spec.password or url.password
    login = httpx.BasicAuth(username, password) if username or password else None
    endpoint = Endpoint(
        server=spec.name,
        address=f"{url.scheme}://{url.netloc.decode()}" + ("" if url.port else f":{_DEFAULT_PORTS[url.scheme]}"),
        host=url.host,
        has_login=login is not None,
    )
    client = httpx.AsyncClient(
        base_url=url.copy_with(username=None, password=None, query=None, fragment=None),
        auth=login,
        verify=_certificates(spec.name, spec.tls) if url.scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        trust_env=False,
        follow_redirects=False,
        limits=_LIMITS,
        transport=transport,
        headers={"User-Agent": "reconciler", "Accept": "application/json"},
    )
    return client, endpoint


def _url(spec: ServerSpec) -> httpx.URL:
    try:
        url = httpx.URL(spec.url)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in _DEFAULT_PORTS or not url.host:
        raise SettingsError(f"server {spec.name}: url: expected an address like http://127.0.0.1:9997")
    return url


def _certificates(server: str, tls: Tls) -> ssl.SSLContext:
    for setting, file in (("ca_file", tls.ca_file), ("cert_file", tls.cert_file), ("key_file", tls.key_file)):
        if file is not None:
            _check_readable(server, setting, file)
    try:
        context = ssl.create_default_context(cafile=tls.ca_file)
    except ssl.SSLError:
        raise SettingsError(f"server {server}: tls.ca_file: {tls.ca_file}: no certificate in PEM form in it") from None
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.key_file is not None and tls.cert_file is None:
        raise SettingsError(f"server {server}: tls.key_file: needs tls.cert_file beside it")
    if tls.cert_file is not None:
        try:
            # Without a password of its own, an encrypted key would make OpenSSL ask for one on the terminal.
            context.load_cert_chain(tls.cert_file, tls.key_file, password="")
        except (ssl.SSLError, ValueError):
            raise SettingsError(
                f"server {server}: tls.cert_file: {tls.cert_file}: it and its key (tls.key_file) must be PEM, belong"
                " together, and the key must not be encrypted"
            ) from None
    return context


def _check_readable(server: str, setting: str, file: str) -> None:
    try:
        with Path(file).open("rb"):
            pass
    except OSError as error:
        raise SettingsError(f"server {server}: tls.{setting}: {file}: {error.strerror}") from None
