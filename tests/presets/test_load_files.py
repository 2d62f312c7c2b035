"""Reading files: harmless whatever they hold."""

import time

import pytest

from presets import files
from presets.files import InvalidFile, read_file


def problem(content: str | bytes, name: str = "file.yaml") -> str:
    data = content.encode() if isinstance(content, str) else content
    started = time.monotonic()
    with pytest.raises(InvalidFile) as caught:
        read_file(name, data)
    assert time.monotonic() - started < 5
    return str(caught.value)


def test_values_know_their_lines_also_through_aliases_and_merges() -> None:
    text = "a: &a\n  x: 1\n  y: [2,\n    3]\nb:\n  <<: *a\n  x: 9\nc: *a\n"
    document = read_file("file.yaml", text.encode())
    assert document.value == {
        "a": {"x": 1, "y": [2, 3]}, "b": {"x": 9, "y": [2, 3]}, "c": {"x": 1, "y": [2, 3]},
    }  # fmt: skip
    places = (("a", "y", 1), ("b", "x"), ("c", "x"), ("c", "nothing"), ("nothing",))
    assert [document.line_of(place) for place in places] == [4, 7, 2, 8, 1]


def test_json_is_read_as_json() -> None:
    text = '{\n\t"a": 1e3, "b": "\\ud83d\\ude00",\n\t"c": [true,\n\tnull]}'
    document = read_file("file.JSON", text.encode())
    assert document.value == {"a": 1000.0, "b": "😀", "c": [True, None]}
    assert document.line_of(("c", 1)) == 4
    assert problem("{'a': 1}", "file.json").startswith("line 1: ")


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.system", "!!python/name:os.system", "!x"]
)
@pytest.mark.parametrize("value", ["[echo]", "echo", "{a: b}"])
def test_tags_make_nothing(tag: str, value: str) -> None:
    assert problem(f"a:\n  b: {tag} {value}").startswith("line 2")


def test_alias_bomb_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert "repeated ones included" in problem("\n".join(lines))


def test_bomb_of_merges_is_refused() -> None:
    lines = ["a0: &a0 {x: 1}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, 12)]
    assert "repeated ones included" in problem("\n".join(lines))


def test_what_holds_itself_is_refused() -> None:
    assert "This holds itself." in problem("a: &a\n  b: *a\n")
    assert "This holds itself." in problem("a: &a\n  <<: *a\n")


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
@pytest.mark.parametrize("name", ["file.yaml", "file.json"])
def test_depth_is_limited(opening: str, name: str) -> None:
    assert problem(opening * 100_000, name).startswith("line 1: ")


def test_size_is_limited() -> None:
    assert "larger than" in problem("a" * (files.MAX_BYTES + 1))


@pytest.mark.parametrize(
    ("content", "line"), [(b"a: 1\nb: \xff", 2), (b"a: 1\n\nb: \x07", 3), (b"a: b: c", 1)]
)
def test_what_is_no_text_or_yaml_names_its_line(content: bytes, line: int) -> None:
    assert problem(content).startswith(f"line {line}: ")


@pytest.mark.parametrize("key", ["? [a]\n: 1", "? {a: 1}\n: 1"])
def test_names_are_texts(key: str) -> None:
    assert "Names are texts." in problem(key)


def test_names_that_look_like_something_else_are_texts() -> None:
    assert read_file("x", b"on: yes\n1: 2\nnull: 3").value == {"on": True, "1": 2, "null": 3}
