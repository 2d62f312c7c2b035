"""What may be written to a terminal. Pure."""

STRANGE = "\N{REPLACEMENT CHARACTER}"


def printable_lines(text: str) -> str:
    return "\n".join(map(printable, text.split("\n")))


def printable(line: str) -> str:
    """Names of a source may hold what a terminal takes for an order."""
    return "".join(each if each.isprintable() else STRANGE for each in line)
