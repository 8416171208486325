# SPDX-License-Identifier: BSD-3-Clause
"""Which tests to run, in which order."""

import importlib
import inspect


def tests(directory, rank, wanted):
    """
    (FILE.TEST, function) of each test_FILE.py in @directory, which the import path has: files as
    @rank sorts their names, functions by line. @wanted: beginnings of names; none of them is all.
    """
    found = []
    for name in sorted((p.stem[5:] for p in directory.glob("test_*.py")), key=rank):
        module = importlib.import_module(f"test_{name}")
        functions = [f for n, f in inspect.getmembers(module, inspect.isfunction)
                     if n.startswith("test_") and f.__module__ == module.__name__]
        found += [(f"{name}.{f.__name__[5:]}", f)
                  for f in sorted(functions, key=lambda f: f.__code__.co_firstlineno)]
    return [(n, f) for n, f in found if not wanted or n.startswith(tuple(wanted))]
