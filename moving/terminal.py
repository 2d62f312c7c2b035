"""What may be written to a terminal. Pure."""

STRANGE = "\N{REPLACEMENT CHARACTER}"


def printable(line: str) -> str:
    """Names of a source may hold what a terminal takes for an order."""
    return "".join(each if each.isprintable() else STRANGE for each in line)
