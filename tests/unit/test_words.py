"""The words of the code: old names stay out, and names that ask answer."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
PRODUCT: Final = sorted(path for part in ("services", "shared", "deploy") for path in (ROOT / part).rglob("*.py"))

# An old name, and the name that took its place; `docs/architecture/words.md` says what each means.
OLD_NAMES: Final = {
    "Act": "Command, Fact or HistoryEntry",
    "Deferred": "UnvalidatedBody",
    "Choice": "NameFilter",
    "Depths": "QueueDepths",
    "Directory": "DirectoryHandlers or DirectoryCopy",
    "Entry": "HistoryEntry, InboxEntry or OutboxEvent",
    "Epitaph": "FinalFailure",
    "Facts": "NoteMaterial",
    "FieldProblem": "Violation",
    "Found": "LoadedTask or StoredWatch",
    "Gathering": "a batch of reads or of writes",
    "InputCode": "FieldCode",
    "Kept": "StoredBatch or KnownState",
    "Kind": "MomentKind, DifferenceKind or ProblemKind",
    "OfficeRoute": "AuthenticatedRoute",
    "GroupCommit": "BatchedWrites",
    "ProblemError": "Refusal or HttpRefusal",
    "RequestLayer": "RequestMiddleware",
    "Retry": "RequestKey",
    "Stall": "StallDetector",
    "TASK_ACTS": "TASK_FACTS",
    "TOLD": "RECIPIENTS or NOTIFICATIONS",
    "TaskReads": "TaskReader",
    "Term": "RequestedDeadline",
    "Told": "OnDone",
    "Words": "Label",
    "alone": "serialised",
    "composed": "normalised",
    "invalid_input": "invalid",
    "judged": "validated",
    "office_router": "api_router",
    "standing_submission": "current_submission",
    "to_act": "to_command or to_wire_entry",
}
ASKING: Final = ("is_", "has_", "may_", "can_", "sees_")
SETTLING: Final = "services/assignment/tasks/"


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def names_in(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield every name that is defined or used, with its line."""
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield node.lineno, name
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield node.lineno, name


def functions_of(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("path", PRODUCT, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_old_name_is_left(path: Path) -> None:
    found = [
        f"line {line}: {name} is {OLD_NAMES[name]} now" for line, name in names_in(tree_of(path)) if name in OLD_NAMES
    ]
    assert found == []


@pytest.mark.parametrize("path", PRODUCT, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_name_that_asks_answers(path: Path) -> None:
    silent = [
        f"line {function.lineno}: {function.name}"
        for function in functions_of(tree_of(path))
        if function.name.lstrip("_").startswith(ASKING)
        and ast.unparse(function.returns or ast.Constant(None)) != "bool"
    ]
    assert silent == []


@pytest.mark.parametrize("path", PRODUCT, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_what_time_brings_is_settled(path: Path) -> None:
    if str(path.relative_to(ROOT)).startswith(SETTLING):
        return
    assert [f"line {line}: {name}" for line, name in names_in(tree_of(path)) if "settle" in name.lower()] == []
