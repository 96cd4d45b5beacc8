"""Print, as JSON, the chains of attributes that lead from low modules to other modules.

Run in an interpreter of its own: it imports every low module there is. A chain goes
through modules only, to a depth of three.
"""

import contextlib
import importlib
import io
import json
import sys
import types
import warnings

DEPTH = 3


def chains(module, path, depth, seen):
    """Yield each chain of attributes from *path* that ends at a module, with its name."""
    for name, value in sorted(vars(module).items()):
        if not isinstance(value, types.ModuleType):
            continue
        yield f"{path}.{name}", value.__name__
        key = (value.__name__, depth)
        if depth < DEPTH and key not in seen:
            seen.add(key)
            yield from chains(value, f"{path}.{name}", depth + 1, seen)


def main():
    found = {}
    for name in sys.argv[1:]:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                module = importlib.import_module(name)
            except Exception:  # not installed here
                continue
        found[name] = list(chains(module, name, 1, set()))
    json.dump(found, sys.stdout)


main()
