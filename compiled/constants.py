"""Constants of modules written into the text that is compiled, so that C knows them as numbers.

A module's global is a Python object: arithmetic with it would make an object of each intermediate result. What is named
in capitals, and is a number that can be told from the source alone, never changes, so its value is as good as its name.
"""

from __future__ import annotations

import ast
import math
import re
from functools import cache
from pathlib import Path

from compiled.modules import source

NAME = re.compile(r"_?[A-Z][A-Z0-9_]*$")


def with_values(tree: ast.AST, known: dict[str, float]) -> None:
    """Put the values of constants for their names, in functions and methods, and in the defaults of fields."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            own = {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
            _Values({name: value for name, value in known.items() if name not in own}).visit(node)


class _Values(ast.NodeTransformer):
    def __init__(self, known: dict[str, float]) -> None:
        self._known = known

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Constant(self._known[node.id]) if node.id in self._known else node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if ast.unparse(node) == "math.inf":
            return ast.Call(ast.Name("float", ast.Load()), [ast.Constant("inf")], [])
        return self.generic_visit(node)


@cache
def constants(path: Path) -> dict[str, float]:
    """The numbers that the module at `path` names in capitals, also those that it imports from another of ours."""
    found: dict[str, float] = {}
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            theirs = source(node.module)
            others = constants(theirs) if theirs.exists() else {}
            found.update({name.asname or name.name: others[name.name] for name in node.names if name.name in others})
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                found.update(_assigned(target, node.value, found))
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            found.update(_assigned(node.target, node.value, found))
    return found


def _assigned(target: ast.expr, value: ast.expr, known: dict[str, float]) -> dict[str, float]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        parts = [_assigned(one, its, known) for one, its in zip(target.elts, value.elts, strict=True)]
        return {name: number for part in parts for name, number in part.items()}
    if not (isinstance(target, ast.Name) and NAME.match(target.id)):
        return {}
    try:
        number = eval(compile(ast.Expression(value), "", "eval"), {"__builtins__": {}, "math": math}, dict(known))
    except Exception:
        return {}
    return {target.id: number} if type(number) in (int, float) and math.isfinite(number) else {}
