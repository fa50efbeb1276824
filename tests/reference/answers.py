"""What a route takes and answers, as far as its handler's source says it: nothing is run here.

A handler answers by a Response or refuses by one of Chalice's errors, itself or in a function of its module
that it calls. Where an error of the app's own is turned into one of HTTP's, that counts if a function of the
app that the handler names says, under "Raises", that it raises it.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from chalicelib import errors

type Handler = Callable[..., Any]


def statuses(handler: Handler) -> dict[int | None, str]:
    """The statuses that a handler gives, with the Code of a refusal, else ""; one not spelled out is None."""
    source = _source(handler)
    given = dict(_given(source, vars(inspect.getmodule(handler)), _told_of(source)))
    # What returns no Response returns the body of a 200.
    return given if "" in given.values() else {200: "", **given}


def body_fields(handler: Handler) -> list[str]:
    """The fields that a handler takes from the body, none if it takes no body."""
    fields = []
    for node in ast.walk(_source(handler)):
        match node:
            case ast.Call(func=ast.Name("field_of_body"), args=[ast.Constant(str(name))]):
                fields.append(name)
    return fields


def _source(function: Handler) -> ast.AST:
    return ast.parse(inspect.getsource(function))


def _given(node: ast.AST, module: Mapping[str, Any], told_of: set[str]) -> Iterator[tuple[int | None, str]]:
    match node:
        case ast.ExceptHandler(type=ast.Name(error)) if hasattr(errors, error) and error not in told_of:
            return
        case ast.Call(
            func=ast.Name("Response"), args=[body, *_], keywords=[ast.keyword("status_code", status), *_]
        ):
            yield (ast.literal_eval(status) if isinstance(status, ast.Constant) else None), _code(body)
        case ast.Raise(exc=ast.Call(func=ast.Name(name))) if hasattr(module.get(name), "STATUS_CODE"):
            yield module[name].STATUS_CODE, name
        case ast.Call(func=ast.Name(name)) if (
            getattr(module.get(name), "__module__", "") == module["__name__"]
        ):
            yield from _given(_source(module[name]), module, told_of)
    for child in ast.iter_child_nodes(node):
        yield from _given(child, module, told_of)


def _code(body: ast.AST) -> str:
    match body:
        case ast.Dict(keys=[ast.Constant("Code"), *_], values=[ast.Constant(str(code)), *_]):
            return code
    return ""


def _told_of(source: ast.AST) -> set[str]:
    """The errors that the app's functions which a source names say they raise."""
    modules = {
        alias.name: importlib.import_module(f"chalicelib.{alias.name}")
        for node in ast.walk(source)
        if isinstance(node, ast.ImportFrom) and node.module == "chalicelib"
        for alias in node.names
    }
    told_of: set[str] = set()
    for node in ast.walk(source):
        match node:
            case ast.Attribute(ast.Name(module), name) if module in modules:
                said = inspect.getdoc(getattr(modules[module], name)) or ""
                told_of.update(re.findall(r"^\w+Error$", said.partition("Raises\n------\n")[2], re.MULTILINE))
    return told_of
