"""What Cython is given of a module: its text, and the C types that its annotations stand for.

The annotations are exact (mypy proves it), so they say all that C must know. What a class keeps becomes fields of an
extension type, a method a C function that Python can call, too. A class is translated if it is a msgspec Struct that
the garbage collector does not look at, or if it has `__slots__` and annotates them all.

Without a `.pxd` file of its own, a module gets the one that is made here.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import NamedTuple

from compiled.constants import constants, with_values
from compiled.modules import MODULES, WIDE, declarations, source

SIMPLE = {
    "float": "double",
    "int": "long long",
    "bool": "bint",
    "str": "str",
    "bytes": "bytes",
    "bytearray": "bytearray",
}
CIMPORTS = ("cimport cython", "from compiled.runtime cimport Packer, Unpacker")
#: how a field of such a type is written and read
WAYS = {"float": "real", "int": "whole", "bool": "truth"}
#: as decorators write them
IN_TEXT = {"double": "cython.double", "long long": "cython.longlong", "bint": "cython.bint"}
#: what an annotation's outermost name means; whatever is not listed is any object
CONTAINERS = {"list": "list", "dict": "dict"}
#: these need a scope of their own, which a C function cannot have
SCOPES = (ast.Lambda, ast.GeneratorExp, ast.FunctionDef, ast.Yield)


@cache
def classes(path: Path) -> tuple[str, ...]:
    """The classes of a module that become extension types."""
    body = ast.parse(path.read_text("utf-8")).body
    return tuple(node.name for node in body if isinstance(node, ast.ClassDef) and (is_state(node) or is_slotted(node)))


def is_state(node: ast.AST) -> bool:
    """Whether it is a Struct whose attributes are the state of a detector."""
    if not isinstance(node, ast.ClassDef) or not any(ast.unparse(base) == "msgspec.Struct" for base in node.bases):
        return False
    options = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
    return options.get("gc") == "False" and options.get("array_like") == "True"


def is_slotted(node: ast.AST) -> bool:
    """Whether it is a plain class that annotates what its `__slots__` name."""
    if not isinstance(node, ast.ClassDef) or node.bases:
        return False
    return any(_is_slots(one) for one in node.body) and any(isinstance(one, ast.AnnAssign) for one in node.body)


@cache
def translated(module: str) -> Translation:
    """What Cython is given of a module; its types are those of the `.pxd` beside it, if there is one."""
    given = declarations(module).read_text("utf-8") if declarations(module).exists() else ""
    if source(module).suffix == ".pyx":
        return Translation(source(module).read_text("utf-8"), given)
    if given:
        tree = ast.parse(source(module).read_text("utf-8"))
        with_values(tree, constants(source(module)))
        return Translation(ast.unparse(tree), given)
    made = _Module(module)
    return Translation(made.text, made.declarations)


class Translation(NamedTuple):
    """The text, and the types as a `.pxd` says them."""

    text: str
    declarations: str


class _Module:
    def __init__(self, module: str) -> None:
        path = source(module)
        self._tree = ast.parse(path.read_text("utf-8"))
        self._wide = module in WIDE
        self._types: dict[str, str] = {}
        self._cimports: list[str] = []
        self._find_types(path)
        with_values(self._tree, constants(path))
        lines: list[str] = []
        for node in self._tree.body:
            if isinstance(node, ast.ClassDef) and node.name in self._types:
                lines += self._class(node)
            elif isinstance(node, ast.FunctionDef):
                self._function(node)
        self._tree.body = [node for node in self._tree.body if not _only_for_types(node)]
        begin = next(i for i, node in enumerate(self._tree.body) if isinstance(node, ast.ImportFrom)) + 1
        self._tree.body.insert(begin, ast.Import([ast.alias("cython")]))
        # The annotations are exact, so what follows from them is, too; of powers C has the same as Python.
        head = f"# cython: infer_types={not self._wide}, cpow=True\n"
        self.text = head + ast.unparse(ast.fix_missing_locations(self._tree)) + "\n"
        self.declarations = "\n".join([*CIMPORTS, *self._cimports, *lines, ""])

    def _find_types(self, path: Path) -> None:
        for name in classes(path):
            self._types[name] = name
        for node in ast.walk(self._tree):
            if isinstance(node, ast.ImportFrom) and node.module in MODULES:
                theirs = classes(source(node.module))
                names = [alias.name for alias in node.names if alias.name in theirs]
                self._types.update(zip(names, names, strict=True))
                self._cimports += [f"from {node.module} cimport {', '.join(names)}"] if names else []

    def _type(self, annotation: ast.expr | None) -> str:
        text = ast.unparse(annotation) if annotation is not None else ""
        if self._wide and text == "int":
            return "object"
        return SIMPLE.get(text) or self._types.get(text) or CONTAINERS.get(text.partition("[")[0], "object")

    # ------------------------------------------------------------------ classes

    def _class(self, node: ast.ClassDef) -> list[str]:
        state = is_state(node)
        fields = [one for one in node.body if isinstance(one, ast.AnnAssign)]
        lines = ["", "@cython.final", *(["@cython.no_gc"] if state else []), f"cdef class {node.name}:"]
        for field in fields:
            kind = "long long" if ast.unparse(field.annotation) == "int" else self._type(field.annotation)
            lines.append(f"    cdef public {kind} {ast.unparse(field.target)}")
        node.body = [one for one in node.body if one not in fields and not _is_slots(one)]
        for one in node.body:
            if isinstance(one, ast.FunctionDef):
                lines += self._method(one)
        if state:
            node.decorator_list, node.bases, node.keywords = [], [], []
            node.body += ast.parse(self._saving(node.name, fields)).body
            lines += ["    cpdef pack(self, Packer out)", "    cpdef unpack(self, Unpacker data)"]
        return lines

    def _saving(self, name: str, fields: list[ast.AnnAssign]) -> str:
        """What a Struct has by itself: the constructor, and the way to and from an array of its fields."""
        arguments, stores, saved, found, restored = [], [], [], [], []
        for i, field in enumerate(fields):
            its = ast.unparse(field.target)
            annotation = ast.unparse(field.annotation)
            kind = self._type(field.annotation)
            default, store = _default(field.value)
            arguments.append(its + default)
            stores.append(f"    self.{its} = {f'{store} if {its} is None else {its}' if store else its}")
            way = WAYS.get(annotation, "any")
            saved.append(f"    self.{its}.pack(out)" if kind in self._types else f"    out.{way}(self.{its})")
            read = f"self.{its} = {self._way_back(kind, annotation, f'data.{way}()')}"
            found += [f"    if n > {i}:", f"        {f'self.{its}.unpack(data)' if kind in self._types else read}"]
            restored.append(f"    if n > {i}: them[{i}] = {self._way_back(kind, annotation, f'them[{i}]')}")
        n = len(fields)
        return "\n".join([
            f"def __init__(self, {', '.join(arguments)}):", *stores,
            "def pack(self, out):", f"    out.array({n})", *saved,
            "def unpack(self, data):", "    n = data.array()", *found, f"    data.rest(n - {n})",
            "def packed(self):", "    out = Packer()", "    self.pack(out)", "    return out.taken()",
            "def filled(self, data, begin):", "    them = Unpacker(data, begin)", "    self.unpack(them)",
            "    them.end()", "    return self",
            "@staticmethod", "def restored(fields):", f"    them = list(fields[:{n}])", "    n = len(them)",
            *restored, f"    return {name}(*them)",
        ])  # fmt: skip

    def _way_back(self, kind: str, annotation: str, value: str) -> str:
        if kind in self._types:
            return f"{kind}.restored({value})"
        if kind == "bytearray":
            return f"bytearray({value})"
        inner = annotation.partition("[")[2].removesuffix("]")
        if kind == "dict" and (held := inner.partition(", ")[2]) in self._types:
            return f"{{name: {held}.restored(one) for name, one in {value}.items()}}"
        if kind == "list" and inner not in SIMPLE:
            return f"[tuple(one) for one in {value}]"
        return value

    # ------------------------------------------------------------------ functions

    def _method(self, node: ast.FunctionDef) -> list[str]:
        """A method's declaration; none of one that Python must call."""
        special = node.decorator_list or node.name.startswith("__") or node.args.vararg or node.args.kwarg
        if special or any(isinstance(inner, SCOPES) for one in node.body for inner in ast.walk(one)):
            self._function(node)
            return []
        result = "void" if node.returns is None or ast.unparse(node.returns) == "None" else self._type(node.returns)
        arguments, node.args.kwonlyargs = [*node.args.args, *node.args.kwonlyargs], []
        defaults: list[ast.expr | None] = [*node.args.defaults, *node.args.kw_defaults]
        given = dict(zip(reversed(arguments), reversed(defaults), strict=False))
        node.args.args, node.args.kw_defaults = arguments, []
        node.args.defaults = [value for value in defaults if value is not None]
        words = ["self"]
        words += [f"{self._type(one.annotation)} {one.arg}{'=*' if given.get(one) else ''}" for one in arguments[1:]]
        own = self._locals(node)
        _strip(node)
        head = [f"    @cython.locals({own})"] if own else []
        checked = " except *" if result == "void" else ""
        return [*head, f"    cpdef {result} {node.name}({', '.join(words)}){checked}"]

    def _function(self, node: ast.FunctionDef) -> None:
        """Types of a function that Python calls: of its arguments that are ours, and of annotated variables."""
        scopes = any(isinstance(inner, SCOPES) for one in node.body for inner in ast.walk(one))
        own = "" if scopes else self._locals(node, arguments=node.name != "__init__")
        _strip(node)
        if own:
            node.decorator_list.append(ast.parse(f"cython.locals({own})", mode="eval").body)

    def _locals(self, node: ast.FunctionDef, *, arguments: bool = False) -> str:
        found = {}
        if arguments:
            for argument in (*node.args.args, *node.args.kwonlyargs):
                if (kind := self._type(argument.annotation)) in (*self._types, "double", "bint"):
                    found[argument.arg] = kind
        for one in ast.walk(node):
            if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
                found[one.target.id] = self._type(one.annotation)
        return ", ".join(f"{name}={IN_TEXT.get(kind, kind)}" for name, kind in found.items())


def _default(value: ast.expr | None) -> tuple[str, str]:
    """A field's default as that of an argument; and what is made anew for each object."""
    if value is None:
        return "", ""
    if isinstance(value, ast.Call) and ast.unparse(value.func) == "msgspec.field":
        factory = value.keywords[0].value
        return "=None", ast.unparse(factory.body) if isinstance(factory, ast.Lambda) else f"{ast.unparse(factory)}()"
    if isinstance(value, ast.List | ast.Dict):
        return "=None", ast.unparse(value)
    return f"={ast.unparse(value)}", ""


def _strip(node: ast.FunctionDef) -> None:
    """Take the annotations away: what they say is declared."""
    node.returns = None
    for argument in (*node.args.args, *node.args.kwonlyargs):
        argument.annotation = None
    Plain().visit(node)


class Plain(ast.NodeTransformer):
    """Annotated variables as plain ones."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        """`n: int = 0` becomes `n = 0`."""
        return ast.Assign([node.target], node.value) if node.value is not None else None


def _is_slots(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__slots__"


def _only_for_types(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
