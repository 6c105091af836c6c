"""Every write and every configuration read of the recordings, predicted by the rules and by `effective`.

What is kept here of a server is no more than what its answers need: the declared options, and what was last valid.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from reconciler.core.options.effective import built_in_defaults, differences, effective
from reconciler.core.options.rules import check_semantics, check_together, check_types
from reconciler.core.options.table import accepted_name
from reconciler.core.options.version import Version
from tests.support.recordings import VERSIONS, Group, Step, is_gos_text, recording, trimmed

if TYPE_CHECKING:
    from reconciler.core.model import Json

CONFIG = "/v3/config/paths/"
DEFAULTS = "/v3/config/pathdefaults/"
WRITES = {"add", "patch", "replace", "delete"}
LEGACY = {"publishUser", "publishPass", "publishIPs", "readUser", "readPass", "readIPs"}
LEGACY_TEXT = (
    "authInternalUsers and legacy credentials (publishUser, publishPass, publishIPs, readUser, readPass, readIPs) "
    "cannot be used together"
)
REFUSED_PATCH_STAYS_FROM = Version(1, 17, 1)
GROUPS = [
    "info_and_lists",
    "crud",
    "refused_patch",
    "types",
    "names",
    "source_schemes",
    "source_urls",
    "redirect_rpi_hooks",
    "regex_and_all_others",
    "durations_and_sizes",
    "record_rules",
    "srt_passphrase",
    "pathdefaults",
    "runtime",
    "deprecated_aliases",
    "legacy_users",
    "legacy_users_delete",
]


class Refused(Exception):  # noqa: N818 - an answer, not an error
    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Server:
    """Declared options by path, defaults, and the last configuration that was valid as a whole."""

    def __init__(self, group: Group, version: Version) -> None:
        self.version = version
        self.defaults = built_in_defaults(version)
        self.declared = {name: dict(options or {}) for name, options in group.paths.items()}
        self.own_users = group.users is not None
        self.listed: dict[str, dict[str, Json]] = {}
        self.settle()

    def settle(self) -> None:
        has_legacy = any(LEGACY & options.keys() for options in self.declared.values())
        if has_legacy and self.own_users:
            raise Refused(400, LEGACY_TEXT)
        listed = {name: effective(options, self.defaults, self.version) for name, options in self.declared.items()}
        together = check_together(listed, self.version)
        aliases = [violation for _, violation in together if violation.option is None]
        found = [*aliases]
        for name in sorted(self.declared):
            found += check_semantics(name, self.declared[name], self.defaults, self.version)
            found += [violation for blamed, violation in together if blamed == name and violation not in aliases]
        texts = [violation.server_text for violation in found if violation.server_text is not None]
        if texts:
            raise Refused(400, texts[0])
        self.own_users = self.own_users or has_legacy
        self.listed = listed

    def write(self, verb: str, name: str, body: Json) -> None:
        declared, defaults = copy.deepcopy(self.declared), dict(self.defaults)
        try:
            self.change(verb, name, self.decoded(body) if verb != "delete" else {})
            self.settle()
        except Refused as refused:
            if not (
                verb == "patch" and name and refused.status == 400 and self.version >= REFUSED_PATCH_STAYS_FROM
            ) or is_gos_text(str(refused)):
                self.declared = declared
            self.defaults = defaults
            raise

    def decoded(self, body: Json) -> dict[str, Json]:
        if body is None:
            return {}
        if not isinstance(body, dict):
            raise Refused(400, "json: cannot unmarshal")
        named = {accepted_name(self.version, key) or key: value for key, value in body.items()}
        found = check_types(named, self.version)
        if found:
            raise Refused(400, str(found[0].server_text))
        return {key: value for key, value in named.items() if value is not None}

    def change(self, verb: str, name: str, options: dict[str, Json]) -> None:
        if not name:
            raise Refused(400, "invalid name")
        if verb == "add" and name in self.declared:
            raise Refused(400, "path already exists")
        if verb in ("patch", "delete") and name not in self.declared:
            raise Refused(404, "path not found")
        if verb == "delete":
            del self.declared[name]
        elif verb == "patch":
            self.declared[name] |= options
        else:
            self.declared[name] = options

    def patch_defaults(self, body: Json) -> None:
        before = dict(self.defaults)
        try:
            self.defaults = {**before, **effective(self.decoded(body), before, self.version)}
            self.settle()
        except Refused:
            self.defaults = before
            raise

    def listing(self, name: str) -> dict[str, Any]:
        if name not in self.listed:
            raise Refused(404, "path configuration not found")
        return {"name": name, **self.listed[name]}


def play(server: Server, step: Step) -> tuple[int, Any]:
    """Return status and body (None: not compared) that `step` must be answered with; 0: not about configuration."""
    try:
        return answer(server, step)
    except Refused as refused:
        return refused.status, str(refused)


def answer(server: Server, step: Step) -> tuple[int, Any]:
    path, _, query = step.path.partition("?")
    if path.startswith(DEFAULTS) and step.method == "PATCH":
        server.patch_defaults(step.body())
        return 200, None
    if not path.startswith(CONFIG) or step.repeat > 1 or step.status not in (200, 400, 404):
        return 0, None
    verb, slash, quoted = path.removeprefix(CONFIG).partition("/")
    name = unquote(quoted)
    if verb in WRITES and slash:
        server.write(verb, name, None if step.raw is None else step.body())
        return 200, None
    if verb == "get" and is_json(step):
        return (200, server.listing(name)) if name else (400, "invalid name")
    if verb == "list" and not query:
        items = [server.listing(name) for name in sorted(server.listed)]
        return 200, {"itemCount": len(items), "pageCount": 1 if items else 0, "items": items}
    return 0, None


def is_json(step: Step) -> bool:
    return str(step.answer["content_type"]).startswith("application/json")


@pytest.mark.parametrize("name", GROUPS)
@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_rules_and_effective_say_what_the_real_server_said(version: Version, name: str) -> None:
    group = recording(version).group(name)
    server = Server(group, version)
    for step in group.steps:
        status, body = play(server, step)
        if not status:
            continue
        where = f"step {step.number}: {step.method} {step.path} {step.raw}"
        assert (status, step.number) == (step.status, step.number), f"{where}: {step.error or body}"
        if status == 200 and body is not None:
            assert trimmed(body, step) == step.answer["body"], where
        elif status != 200 and not is_gos_text(step.error):
            assert body == step.error, where


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_the_built_in_defaults_are_those_of_a_fresh_server(version: Version) -> None:
    step = recording(version).group("pathdefaults").steps[0]
    assert built_in_defaults(version) == step.answer["body"]


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_a_whole_path_as_printed_differs_in_nothing_from_what_is_expected(version: Version) -> None:
    added, listed = recording(version).group("crud").steps[:2]
    options = added.body()
    assert isinstance(options, dict)
    expected = effective(options, built_in_defaults(version), version)
    assert differences(expected, listed.answer["body"]) == ()
    assert expected.keys() == listed.answer["body"].keys() - {"name"}
