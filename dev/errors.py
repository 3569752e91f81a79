"""The one error that the local cluster shows to people."""


class DevError(Exception):
    """Something that a person has to mend; the message is one sentence: what is missing, and what to do instead."""
