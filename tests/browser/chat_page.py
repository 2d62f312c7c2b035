"""What a person does on the chat page, for the tests to read like that."""

from playwright.sync_api import BrowserContext, Locator, Page, expect

PASSWORD = "correct horse battery"
ANSWER_MILLISECONDS = 30_000

_REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", ({violatedDirective, blockedURI}) =>
  console.error(`REFUSED ${violatedDirective} ${blockedURI}`));
"""


def watch(context: BrowserContext) -> list[str]:
    """A list that collects script errors and resources the content policy refused."""
    problems: list[str] = []
    context.add_init_script(_REPORT_VIOLATIONS)
    context.on("weberror", lambda error: problems.append(str(error.error)))
    context.on(
        "console",
        lambda message: problems.append(message.text) if "REFUSED" in message.text else None,
    )
    return problems


class ChatPage:
    """One tab with the chat page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.field = page.get_by_label("Message", exact=True)
        self.send_button = page.get_by_role("button", name="Send")
        self.stop_button = page.get_by_role("button", name="Stop")
        self.questions = page.locator(".question .bubble")
        self.answers = page.locator(".answer")
        self.history = page.locator("#history .conversation a")

    def sign_in(self, email: str, password: str = PASSWORD) -> None:
        self.page.goto("/")
        self.page.get_by_label("E-mail").fill(email)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()

    def choose_model(self, model: str) -> None:
        self.page.get_by_label("Model", exact=True).select_option(label=model)

    def ask(self, text: str) -> None:
        self.field.fill(text)
        self.field.press("Enter")

    def ask_and_wait(self, text: str) -> Locator:
        """The answer, complete."""
        count = self.answers.count()
        self.ask(text)
        expect(self.answers).to_have_count(count + 1)
        self.wait_for_end()
        return self.answers.nth(count)

    def wait_for_end(self) -> None:
        expect(self.stop_button).to_be_hidden(timeout=ANSWER_MILLISECONDS)

    def new_chat(self) -> None:
        self.page.get_by_role("button", name="New chat").first.click()
        expect(self.answers).to_have_count(0)

    def width_beyond_screen(self) -> int:
        """Pixels the page could be scrolled sideways."""
        script = "() => document.documentElement.scrollWidth - innerWidth"
        beyond: int = self.page.evaluate(script)
        return max(beyond, 0)
