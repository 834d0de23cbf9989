"""Which way the code looks: the arrows between its parts, and what no file of it may hold.

Everything is read from the source, nothing is run.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# part → the parts it may import; every part may import itself, and `mutunode` for the version
ARROWS = {
    "protocol": set[str](),
    "commons": {"protocol"},
    "store": {"protocol", "commons", "memory"},
    "net": {"protocol"},
    "interop": {"commons"},
    "turns": {"protocol", "commons", "store"},
    "config": {"system"},
    "notify": set[str](),
    "system": set(),
    "memory": set(),
    "follower": set(),
    "keyfile": {"protocol"},
    "home": {"protocol", "keyfile", "system"},
    "service": {"protocol", "commons", "store", "interop", "turns", "config", "keyfile"}
    | {"follower", "system"},
    "web": {"service", "commons", "store"},
    # the roots, where the layers are put together; nobody imports the daemon but the command that starts it
    "indexer": {"commons", "store", "service", "memory"},
    "engine": {"protocol", "commons", "store", "turns", "service", "config", "home", "keyfile"}
    | {"follower", "indexer", "memory"},
    "alone": {"protocol", "store", "service", "config", "home", "keyfile", "engine", "net", "shell"},
    "restoring": {"protocol", "store", "service", "home", "keyfile"},
    "shell": {"protocol", "net", "turns", "config"},
    "firstrun": {"protocol", "config", "home", "service", "web", "recovery", "shell"},
    "recovery": {"protocol", "store", "turns", "service", "home", "keyfile", "net", "shell"},
    "daemon": {"protocol", "commons", "store", "turns", "service", "config", "home", "net", "web"}
    | {"engine", "shell", "firstrun", "keyfile", "notify", "system", "memory"},
}
# inside the verb that needs it; `alone` is the one door when no daemon runs
CLI_MAY_IMPORT = {"alone", "recovery", "restoring", "service", "home", "protocol", "daemon", "config"} | {
    "system"
}
WEB_MAY_IMPORT_OF_STORE = {"mutunode.store.interface"}  # the read side's shapes; never the writer's

# clock, chance, files and threads arrive in the protocol as arguments
IMPURE = frozenset(
    "asyncio threading multiprocessing concurrent socket ssl select time random secrets uuid os io pathlib"
    " tempfile shutil logging structlog sqlite3 apsw aiohttp".split()
)
MAY_BE_ASYNC = ("net", "web", "turns", "daemon", "shell", "firstrun")


def sources(*folders: str) -> list[Path]:
    """Python files of folders or modules, by path from the root."""
    found = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return sorted(found + [path for folder in folders if (path := ROOT / f"{folder}.py").exists()])


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def imports(path: Path) -> Iterator[str]:
    """Every module a file imports, wherever in it."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def part_of(module: str) -> str | None:
    """`store` for `mutunode.store.interface.Reader`; nothing for what is not ours or for the version."""
    ours, _, rest = module.partition(".")
    name = rest.partition(".")[0]
    return name if ours == "mutunode" and name != "__version__" else None


def where(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_every_part_has_its_arrows() -> None:
    parts = {path.stem for path in (ROOT / "mutunode").iterdir() if path.is_dir() or path.suffix == ".py"}
    assert parts - {"__init__", "__pycache__"} <= ARROWS.keys()


@pytest.mark.parametrize("part", ARROWS)
def test_imports_follow_the_arrows(part: str) -> None:
    allowed = ARROWS[part] | {part, None}
    wrong = [
        f"{where(path)} imports {module}"
        for path in sources(f"mutunode/{part}")
        for module in imports(path)
        if part_of(module) not in allowed or module.partition(".")[0] == "mutunode_cli"
    ]
    assert not wrong


def test_pages_see_the_store_only_through_its_read_side() -> None:
    wrong = [
        f"{where(path)} imports {module}"
        for path in sources("mutunode/web")
        for module in imports(path)
        if part_of(module) == "store" and module.rpartition(".")[0] not in WEB_MAY_IMPORT_OF_STORE
    ]
    assert not wrong


def test_the_command_line_loads_the_node_only_where_a_verb_needs_it() -> None:
    for path in sources("cli"):
        wrong = {module for module in imports(path) if part_of(module) not in CLI_MAY_IMPORT | {None}}
        assert not wrong, where(path)
        at_start = [node for node in tree(path).body if isinstance(node, ast.Import | ast.ImportFrom)]
        heavy = {module for node in at_start for module in _named(node) if part_of(module)}
        assert not heavy, where(path)


def _named(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [f"{node.module}.{alias.name}" for alias in node.names]


def test_the_protocol_is_bytes_and_time_in_effects_out() -> None:
    wrong = [
        f"{where(path)} imports {module}"
        for path in sources("mutunode/protocol")
        for module in imports(path)
        if module.partition(".")[0] in IMPURE
    ]
    assert not wrong


def test_async_stays_where_the_waiting_is() -> None:
    waiting = ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith
    allowed = sources(*(f"mutunode/{part}" for part in MAY_BE_ASYNC))
    wrong = [
        where(path)
        for path in sources("mutunode", "cli")
        if path not in allowed and any(isinstance(node, waiting) for node in ast.walk(tree(path)))
    ]
    assert not wrong


def test_what_is_imported_is_declared() -> None:
    """A library that only came along with another may leave with it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {re.split(r"[<>=\[ ]", name)[0].lower() for name in project["dependencies"]}
    owners = packages_distributions()
    wrong = {
        f"{where(path)} imports {module}"
        for path in sources("mutunode", "cli")
        for module in imports(path)
        if (name := module.partition(".")[0]) not in sys.stdlib_module_names | {"mutunode", "mutunode_cli"}
        and not declared & {owner.lower().replace("_", "-") for owner in owners.get(name, [])}
    }
    assert not wrong


# Written apart, so that this file does not hold what it looks for.
FORBIDDEN = [
    "/" + "work/",
    "/tmp/" + "plan",
    "/opt/" + "wheels",
    "/opt/" + "pypi",
    "pypi" + ".org",
    "pythonhosted" + ".org",
    "registry.npmjs" + ".org",
    "deb.debian" + ".org",
    "extra-index" + "-url",
]


def test_no_file_names_this_machine_or_a_package_index() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True)
    if listed.returncode:
        pytest.fail("not a git checkout: the list of tracked files cannot be read")
    names = [name for name in listed.stdout.decode().split("\0") if name]
    assert names
    wrong = [
        f"{name}: {bad}"
        for name in names
        if (ROOT / name).is_file()
        for bad in FORBIDDEN
        if bad.encode() in (ROOT / name).read_bytes()
    ]
    assert not wrong
