"""The command line: `kubectl modelrollout`, also installed as `modelrollout`; a file per command.

Nothing here imports the Kubernetes client, rich or the API's types before a command needs them, so that completion and
`--help` answer at once.
"""

from modelrollout.cli.root import main

__all__ = ["main"]
