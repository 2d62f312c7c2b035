"""Markdown becomes elements; markup in a text stays text."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chat_page import ChatPage

pytestmark = pytest.mark.browser

_LINK = 'target="_blank" rel="noopener noreferrer nofollow"'
_RENDER = """async (text) => {
  const { renderMarkdown } = await import("/static/chat/markdown.js");
  const container = document.createElement("div");
  renderMarkdown(container, text);
  return container.innerHTML;
}"""

CASES = [
    ("one\ntwo\n\nthree", "<p>one\ntwo</p><p>three</p>"),
    ("one  \ntwo", "<p>one<br>two</p>"),
    ("# Big", '<h3 class="heading-1">Big</h3>'),
    ("###### Small ##", '<h6 class="heading-6">Small</h6>'),
    ("**bold** *italic* ~~gone~~", "<p><strong>bold</strong> <em>italic</em> <del>gone</del></p>"),
    ("***both***", "<p><strong><em>both</em></strong></p>"),
    ("**a *b* c**", "<p><strong>a <em>b</em> c</strong></p>"),
    ("snake_case_name and 2 * 3 * 4", "<p>snake_case_name and 2 * 3 * 4</p>"),
    ("**open", "<p>**open</p>"),
    (r"\*plain\*", "<p>*plain*</p>"),
    ("`a*b*` ``c`d``", "<p><code>a*b*</code> <code>c`d</code></p>"),
    ("- a\n- b\n  - c", "<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>"),
    ("3. a\n4. b", '<ol start="3"><li>a</li><li>b</li></ol>'),
    ("text\n- a", "<p>text</p><ul><li>a</li></ul>"),
    ("It was\n1984. A year.", "<p>It was\n1984. A year.</p>"),
    ("> a\n> > b", "<blockquote><p>a</p><blockquote><p>b</p></blockquote></blockquote>"),
    ("---", "<hr>"),
    ("[x](https://example.com/a_(b))", f'<p><a href="https://example.com/a_(b)" {_LINK}>x</a></p>'),
    (
        "See https://example.com/x.",
        f'<p>See <a href="https://example.com/x" {_LINK}>https://example.com/x</a>.</p>',
    ),
    ("[x](javascript:alert(1))", "<p><span>x</span></p>"),
    ("[x](JaVaScRiPt:alert(1))", "<p><span>x</span></p>"),
    ("[x](data:text/html,<b>)", "<p><span>x</span></p>"),
    ("[x](vbscript:x)", "<p><span>x</span></p>"),
    ("![x](https://example.com/x)", f'<p><a href="https://example.com/x" {_LINK}>x</a></p>'),
    ("<b>no</b> &amp;", "<p>&lt;b&gt;no&lt;/b&gt; &amp;amp;</p>"),
]  # fmt: skip


@pytest.fixture
def page(chat: ChatPage) -> Page:
    return chat.page


def test_markdown_becomes_elements(page: Page) -> None:
    rendered = {text: page.evaluate(_RENDER, text) for text, _ in CASES}
    assert rendered == dict(CASES)


def test_code_block_keeps_its_text(page: Page) -> None:
    page.evaluate(_RENDER.replace("return", "document.body.append(container); return"),
                  "```js\nif (a < b) {\n\n  **c**\n}\n```\nafter")  # fmt: skip
    expect(page.locator(".code-block code")).to_have_text("if (a < b) {\n\n  **c**\n}")
    expect(page.locator(".code-language")).to_have_text("js")


def test_table_has_aligned_cells(page: Page) -> None:
    html = page.evaluate(_RENDER, "| a | b |\n|---|--:|\n| `x\\|y` | 2 |")
    assert "<thead><tr>" in html
    assert '<td class="align-left"><code>x|y</code></td><td class="align-right">2</td>' in html


def test_finished_blocks_are_kept_while_text_grows(page: Page) -> None:
    kept = page.evaluate("""async () => {
      const { renderMarkdown } = await import("/static/chat/markdown.js");
      const container = document.createElement("div");
      renderMarkdown(container, "one\\n\\ntw");
      const [first, second] = container.children;
      renderMarkdown(container, "one\\n\\ntwo\\n\\nthree");
      return [first === container.children[0], second === container.children[1],
              container.children.length];
    }""")
    assert kept == [True, False, 3]


@pytest.mark.parametrize(
    "text", ["*a " * 20_000, "**a *b _c " * 5_000, "[" * 20_000, "> " * 5_000, "`" * 20_000]
)
def test_hostile_text_is_rendered_in_time(page: Page, text: str) -> None:
    page.set_default_timeout(5_000)
    took = page.evaluate(
        f"async (text) => {{ const start = performance.now(); await ({_RENDER})(text);"
        " return performance.now() - start; }",
        text,
    )
    assert took < 3_000


def test_nothing_runs_when_answer_holds_markup(chat: ChatPage) -> None:
    chat.page.evaluate("window.hacked = []")
    chat.choose_model("demo-echo")
    attack = (
        "<img src=x onerror=hacked.push(1)> <script>hacked.push(2)</script> "
        "[link](javascript:hacked.push(3)) <svg onload=hacked.push(4)> "
        '[y](https://example.com/" onclick="hacked.push(5)) <javascript:hacked.push(6)>'
    )
    answer = chat.ask_and_wait(attack)
    expect(answer).to_contain_text("<img src=x onerror=hacked.push(1)>")
    answer.get_by_text("link", exact=True).click()
    chat.page.reload()
    chat.page.evaluate("window.hacked = []")
    expect(chat.answers).to_contain_text("<script>hacked.push(2)</script>")
    chat.page.wait_for_timeout(300)
    assert chat.page.evaluate("window.hacked") == []
    assert chat.answers.locator("img, script, svg[onload], [onclick]").count() == 0
    addresses = chat.answers.locator("a").evaluate_all("links => links.map(a => a.protocol)")
    assert set(addresses) <= {"https:"}


def test_code_is_copied_with_the_button(chat: ChatPage) -> None:
    chat.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    chat.choose_model("demo-code")
    answer = chat.ask_and_wait("Show me")
    answer.get_by_role("button", name="Copy code").nth(1).click()
    copied = chat.page.evaluate("navigator.clipboard.readText()")
    assert copied == 'const greet = (name) => `Hello, ${name}!`;\n\nconsole.log(greet("world"));'
