"""What the demo provider says. It never pretends to be a model."""

NOTICE = (
    "> **Demo:** this is a prepared text, not the answer of a model. "
    "An administrator connects real models under *Channels* in the admin.\n\n"
)

GREETING = (
    NOTICE
    + """Hello! The server works: this text was streamed to you word by word.

Write one of these words, and I will show you more:

| word | what you will see |
|---|---|
| `markdown` | headings, lists, a table, a formula |
| `code` | code blocks in two languages |
| `reasoning` | thoughts before the answer |
| `long` | a long answer, good for trying the stop button |
| `echo` | your own text again |
| `slow` | a slow service |
| `fail` | an error before the first word |
| `break` | an error in mid-answer |

Each of them is also a model of its own in the menu above.
"""
)

_MARKDOWN = (
    NOTICE
    + """# A tour of Markdown

Text may be **bold**, *italic*, ~~struck out~~ or `code`.

## Lists

1. First
2. Second
   - a detail
   - another one

- [x] done
- [ ] still to do

## A table

| planet | moons |
|---|---:|
| Earth | 1 |
| Mars | 2 |

## A formula

$$
a^2 + b^2 = c^2
$$

> A quotation closes the tour.
"""
)

_CODE = (
    NOTICE
    + """Two ways to greet. In Python:

```python
def greet(name: str) -> str:
    return f"Hello, {name}!"


print(greet("world"))
```

And in JavaScript:

```javascript
const greet = (name) => `Hello, ${name}!`;

console.log(greet("world"));
```

The button in the corner of a block copies its text.
"""
)

REASONING = """The question asks for an example of reasoning. I am a script and do not think, \
but I can show where thoughts appear.

Take 17 × 6. Ten sixes are 60, seven sixes are 42, and together they are 102.
"""

_REASONING_ANSWER = (
    NOTICE
    + """**17 × 6 = 102.** The prepared thoughts stand above; open them to read how it was done.
"""
)

_SLOW = NOTICE + "This answer came slowly, on purpose. You could have stopped it at any time.\n"

_BREAK = NOTICE + "The connection will be lost before the end of this sentence.\n"

_LONG = NOTICE + "\n\n".join(
    f"**{number}.** This is paragraph {number} of forty. It says nothing new, but it takes a "
    "while to arrive, so there is time to scroll, to leave the page and to come back, or to stop."
    for number in range(1, 41)
)

ANSWERS = {
    "markdown": _MARKDOWN,
    "code": _CODE,
    "reasoning": _REASONING_ANSWER,
    "slow": _SLOW,
    "fail": NOTICE,
    "break": _BREAK,
    "long": _LONG,
}


def echo(asked: str, images: int) -> str:
    """``asked`` again, and how many images came with it."""
    attached = f"\n\nImages received: {images}." if images else ""
    return f"{NOTICE}You wrote:\n\n{asked}{attached}"
