"""
Starts the agent in every Python process below `bongsu agent run`, then gives way to the machine's own sitecustomize.

Python imports this file before the application. Nothing that goes wrong here may stop the application.
"""

import importlib
import os
import sys


def _begin() -> None:
    try:
        from bongsu.agent.hook import begin

        begin(os.environ)
    except Exception as error:  # noqa: BLE001 - the application comes first, whatever it is
        if isinstance(error, ImportError):
            error = ImportError(f"{error}; install it into this Python: pip install 'bongsu[agent]'")
        print(f"bongsu agent: the application runs without it: {error}", file=sys.stderr)  # noqa: T201 - no logger yet


def _give_way() -> None:
    """Import the sitecustomize that this file hides; the variable PYTHONPATH stays, so that children are observed too."""
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib costs every process 5 ms
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != here]  # noqa: PTH100 - as above
    sys.modules.pop("sitecustomize", None)
    importlib.invalidate_caches()
    try:
        importlib.import_module("sitecustomize")
    except ImportError:
        sys.modules["sitecustomize"] = (
            sys.modules[__name__] if __name__ in sys.modules else type(sys)(__name__)
        )


if __name__ == "sitecustomize":
    _give_way()
    _begin()
