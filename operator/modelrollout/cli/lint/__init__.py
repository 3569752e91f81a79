"""Checks of manifests without a cluster: what the API server would refuse, and what it would take but nobody wants."""

from modelrollout.cli.lint.check import check
from modelrollout.cli.lint.findings import Finding, Severity
from modelrollout.cli.lint.sources import Document, read

__all__ = ["Document", "Finding", "Severity", "check", "read"]
