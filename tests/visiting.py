"""Opening the page in a real browser: what it asked of the network and complained of, and how many clicks it took."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Locator, Page

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1440, "height": 1000}


class Visit:
    """A page that was opened, and what it asked of the network and wrote to the console."""

    def __init__(self, context: BrowserContext, path: Path, hash_: str = "") -> None:
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page = context.new_page()
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._listen)
        self.page.goto(path.as_uri() + hash_)

    def _listen(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)


class Reader:
    """Somebody with a question, who counts clicks: a choice, a tick or a search typed is one, too."""

    MOST = 2

    def __init__(self, page: Page, door: str) -> None:
        self.page, self.clicks = page, 0
        page.evaluate("name => { location.hash = name; }", door)
        page.wait_for_selector(f"#{door.partition('?')[0]}.now")

    def _count(self) -> None:
        self.clicks += 1
        assert self.clicks <= self.MOST, "it takes more than two clicks"

    def click(self, place: str | Locator) -> None:
        """Click what is in sight."""
        self._count()
        (self.page.locator(place) if isinstance(place, str) else place).first.click()

    def choose(self, place: str, value: str) -> None:
        """Choose an option."""
        self._count()
        self.page.locator(place).select_option(value)

    def tick(self, place: str) -> None:
        """Tick a box."""
        self._count()
        self.page.locator(place).check()

    def ask(self, text: str) -> None:
        """Type into the search."""
        self._count()
        self.page.locator("#s-all").fill(text)

    def reads(self, place: str, *texts: str) -> str:
        """Wait until all texts stand there, and return what does."""
        for text in texts:
            self.page.locator(place).filter(has_text=text).first.wait_for()
        return str(self.page.locator(place).first.inner_text())
