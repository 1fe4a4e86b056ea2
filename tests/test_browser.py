"""The page in a real browser: from a file:// address, with a keyboard, on a phone, in both themes, and under attack."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from conformance.records import record
from conformance.report import compare, history
from conformance.report import page as html
from conformance.report.merge import merge
from conformance.storage import content
from conformance.verbs.reporting import results
from tests import runs

PUBLISHED = results(content.PACKAGE.parent / "reports" / "cpu")
PHONE = {"width": 390, "height": 844}
DRAWN = {
    "where": "#w-charts svg", "agreement": "#a-matrix table", "speed": "#s-bars svg[role]", "sweeps": "#v-charts svg",
}  # fmt: skip
DESK = {"width": 1440, "height": 1000}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.fail("no Chromium: apt-get install chromium (the page is tested in a real browser)")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the published run."""
    path = tmp_path_factory.mktemp("page") / "index.html"
    html.write(merge(list(record.read(each)) for each in PUBLISHED), path)
    return path


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


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh profile on a desk; waiting for a condition needs eval, which the page's own policy forbids."""
    made = browser.new_context(viewport=DESK, bypass_csp=True)
    yield made
    made.close()


@pytest.fixture
def guarded(browser: Browser) -> Iterator[BrowserContext]:
    """The same with the page's own policy in force."""
    made = browser.new_context(viewport=DESK)
    yield made
    made.close()


def open_everything(page: Page) -> None:
    """Draw every section that waits to be seen, and choose a case."""
    page.wait_for_selector("#c-list[aria-busy=false] a.row", state="attached")
    for section, drawn in DRAWN.items():
        page.evaluate(f"document.getElementById('{section}').scrollIntoView()")
        page.wait_for_selector(drawn, state="attached")


def test_it_works_from_a_file_without_any_request(guarded: BrowserContext, published: Path) -> None:
    """Nothing but the file itself is asked for, nothing is complained of, and nothing else would be allowed."""
    visit = Visit(guarded, published, "#cases?case=values/saturated-positive")
    open_everything(visit.page)

    assert [each for each in visit.requests if not each.startswith(("file:", "blob:", "data:"))] == []
    assert visit.complaints == []
    assert len([each for each in visit.requests if each.startswith("file:")]) == 1
    assert visit.page.evaluate("fetch('https://example.org').then(() => 'sent', () => 'refused')") == "refused"
    assert any("Content Security Policy" in each for each in visit.complaints)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_axe_finds_no_violation(browser: Browser, published: Path, theme: Any, size: Any) -> None:
    """In both themes and sizes, every section drawn."""
    made = browser.new_context(viewport=size, color_scheme=theme)
    visit = Visit(made, published, "#cases?case=values/saturated-positive")
    open_everything(visit.page)
    found = Axe().run(visit.page, options={"resultTypes": ["violations"]})
    made.close()

    told = [
        f"{each['id']}: {each['nodes'][0]['html'][:160]} ({len(each['nodes'])})"
        for each in found.response["violations"]
    ]
    assert told == []


def test_a_phone_does_not_scroll_sideways(browser: Browser, published: Path) -> None:
    """Wide tables scroll in their own boxes."""
    made = browser.new_context(viewport=PHONE)
    visit = Visit(made, published, "#cases?case=values/saturated-positive")
    open_everything(visit.page)
    wide = visit.page.evaluate("document.documentElement.scrollWidth")
    made.close()

    assert wide <= PHONE["width"]


def test_the_first_screen_says_who_conforms(context: BrowserContext, published: Path) -> None:
    """Frameworks, versions and counts are seen without scrolling, before any script ran."""
    context.route("**/*", lambda route: route.continue_())
    page = Visit(context, published).page
    for name in ("jax", "pytorch", "tensorflow"):
        box = page.locator("table.counts th", has_text=name).first.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] < DESK["height"]
    assert page.locator("#matrix a.cell").count() > 200


def test_tiles_are_walked_by_arrow_keys_and_tell_what_they_mean(context: BrowserContext, published: Path) -> None:
    """One tab stop; Enter opens the tile's cases."""
    page = Visit(context, published).page
    assert page.locator("#matrix a.cell[tabindex='0']").count() == 1
    page.locator("#matrix a.cell[tabindex='0']").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert "Gradients, optax.sigmoid_focal_loss" in page.locator("#tip").inner_text()
    assert page.evaluate("document.activeElement.getAttribute('aria-describedby')") == "tip"
    page.keyboard.press("Escape")
    assert page.locator("#tip").is_hidden()
    page.keyboard.press("Enter")
    page.wait_for_selector("#c-list[aria-busy=false] a.row")
    assert page.locator("#f-clause").input_value() == "G*"
    assert page.locator("#f-implementation").input_value() == "optax.sigmoid_focal_loss"


def test_states_are_explained_on_hover_and_focus(context: BrowserContext, published: Path) -> None:
    """Each key of the legend."""
    page = Visit(context, published).page
    page.locator(".legend .key", has_text="unsupported").hover()
    assert "does not offer" in page.locator("#tip").inner_text()
    page.locator(".legend .key", has_text="no data").focus()
    assert "neither a pass nor a failure" in page.locator("#tip").inner_text()


def test_every_choice_is_in_the_address_and_back_takes_it_back(context: BrowserContext, published: Path) -> None:
    """A copied address shows the same."""
    page = Visit(context, published, "#cases").page
    page.wait_for_selector("#c-list[aria-busy=false] a.row")
    every = page.locator("#c-list a.row").count()
    page.select_option("#f-framework", "pytorch")
    page.select_option("#f-clause", "V3")
    page.fill("#f-q", "mirror")
    page.wait_for_function(f"document.querySelectorAll('#c-list a.row').length < {every}")
    page.wait_for_selector("#c-list[aria-busy=false] a.row")
    page.locator("#c-list a.row").first.click()
    page.wait_for_selector("#c-detail h3")
    address, title = page.url, page.locator("#c-detail h3").inner_text()
    assert {"framework=pytorch", "clause=V3", "q=mirror"} <= set(address.split("?")[1].split("&"))

    other = Visit(context, published, "#" + address.split("#")[1]).page
    other.wait_for_selector("#c-list[aria-busy=false] a.row")
    other.wait_for_selector("#c-detail h3")
    assert other.locator("#c-detail h3").inner_text() == title
    assert other.locator("#c-list a.row").count() == page.locator("#c-list a.row").count()

    page.go_back()
    page.wait_for_function("!address.get('case')")
    page.go_back()
    page.wait_for_function("!address.get('clause')")
    assert page.locator("#f-clause").input_value() == ""
    assert page.locator("#f-framework").input_value() == "pytorch"


def test_the_most_disputed_case_comes_first(context: BrowserContext, published: Path) -> None:
    """By the number of implementations that disagree."""
    page = Visit(context, published, "#cases").page
    page.wait_for_selector("#c-list[aria-busy=false] a.row")
    counts = [int(text) for text in page.locator("#c-list a.row b").all_text_contents()]

    assert counts == sorted(counts, reverse=True)
    assert counts[0] > 10


def test_arrow_keys_move_through_the_cases(context: BrowserContext, published: Path) -> None:
    """And the case that is shown moves along."""
    page = Visit(context, published, "#cases").page
    page.wait_for_selector("#c-list[aria-busy=false] a.row")
    page.locator("#c-list a.row").first.click()
    names = page.locator("#c-list a.row").evaluate_all("rows => rows.slice(0, 3).map((row) => row.dataset.case)")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.wait_for_function(f"address.get('case') === {json.dumps(names[2])}")
    page.keyboard.press("ArrowUp")
    page.wait_for_function(f"address.get('case') === {json.dumps(names[1])}")
    page.wait_for_function(f"document.querySelector('#c-detail .quiet').textContent === {json.dumps(names[1])}")


def test_a_case_shows_what_each_returned(context: BrowserContext, published: Path) -> None:
    """In hex and decimal, with both ULPs, the grade, and who stands alone."""
    page = Visit(context, published, "#cases?at=V3&case=values%2Fsaturated-positive&in=float32").page
    page.wait_for_selector("#c-detail table.results")
    row = page.locator("#c-detail table.results tr", has_text="textbook formula").first
    text = page.locator("#c-detail").inner_text()

    assert "A confident correct positive still has a loss of e^-x" in text
    assert "4.139937633089748e-8" in text
    assert "Outliers: numpy textbook formula" in text
    assert "lost" in row.inner_text()
    assert "scaled" in row.inner_text()
    assert "0x" in page.locator("#c-detail table.results").inner_text()
    assert page.locator("#c-detail table.results .out").count() > 0


def test_curves_and_maps_have_the_same_scales(context: BrowserContext, published: Path) -> None:
    """Frameworks side by side; the choice of view is in the address."""
    page = Visit(context, published, "#where").page
    page.wait_for_selector("#w-charts svg")
    ticks = page.locator("#w-charts svg").evaluate_all(
        """all => all.map((svg) => [...svg.querySelectorAll("text")].map((each) => each.textContent)
        .filter((text) => text !== "×").join())"""
    )
    assert len(ticks) == 20
    assert len(set(ticks)) == 1
    assert page.locator("#w-charts h3").all_inner_texts() == [
        "numpy 2.4.6",
        "pytorch 2.13.0+cpu",
        "tensorflow 2.21.0",
        "jax 0.10.2",
    ]
    page.select_option("#w-view", "map")
    page.wait_for_selector("#w-charts svg rect")
    page.select_option("#w-dtype", "bfloat16")
    page.select_option("#w-quantity", "gradient")
    assert {"view=map", "wdtype=bfloat16", "quantity=gradient"} <= set(page.url.split("?")[1].split("&"))


def test_times_stand_beside_what_is_right(context: BrowserContext, published: Path) -> None:
    """Bars of those that break a must clause are hatched and unranked; a choice is in the address."""
    page = Visit(context, published, "#speed").page
    page.wait_for_selector("#s-bars svg[role]")
    hatched = page.locator('#s-bars [fill="url(#hatch)"] rect').count()
    ranks = page.locator("#s-table tbody tr").evaluate_all(
        "rows => rows.map((row) => [row.cells[0].textContent, row.classList.contains('deviates')])"
    )

    assert hatched == sum(wrong for _, wrong in ranks) > 0
    assert all(rank == "–" for rank, wrong in ranks if wrong)
    assert [rank for rank, _ in ranks].count("1") == 2  # of forward, and of backward
    assert page.locator("#s-sizes svg").count() >= 3
    page.locator("#s-reduction").select_option("none")
    page.wait_for_selector("#s-bars svg[role]")
    page.wait_for_function("location.hash.includes('sreduction=none')")


def test_every_sweep_has_a_row_and_a_curve(context: BrowserContext, published: Path) -> None:
    """Shares and largest errors as text, the axis of every float as a chart."""
    page = Visit(context, published, "#sweeps").page
    page.wait_for_selector("#v-charts svg")

    assert page.locator("#sweeps table").first.locator("tbody tr").count() >= 12
    assert page.locator("#v-charts svg").count() >= 3
    assert "lost" in page.locator("#sweeps").inner_text()


def test_a_pair_says_what_a_port_changes(context: BrowserContext, published: Path) -> None:
    """The calls, the reductions, the distance."""
    page = Visit(context, published, "#agreement").page
    page.wait_for_selector("#a-port table")
    text = page.locator("#a-port").inner_text()

    assert (
        "Porting from tensorflow sigmoid_cross_entropy_with_logits to pytorch binary_cross_entropy_with_logits" in text
    )
    assert 'torch.nn.functional.binary_cross_entropy_with_logits(x, z, reduction="mean")' in text
    assert "the number of elements" in text
    page.locator("#a-matrix button.far").nth(3).click()
    page.wait_for_function("address.get('from') && address.get('to')")


def test_a_reproducer_is_copied(browser: Browser, published: Path) -> None:
    """Whole."""
    made = browser.new_context(viewport=DESK, bypass_csp=True)
    made.grant_permissions(["clipboard-read", "clipboard-write"])
    page = Visit(made, published, "#why").page
    block = page.locator(".cause .code").first
    block.locator("button").click()
    page.wait_for_function("document.querySelector('.cause .copy').textContent === 'Copied'")
    copied, written = page.evaluate("navigator.clipboard.readText()"), block.locator("code").inner_text()
    made.close()

    assert copied == written


def test_the_download_is_the_merged_records(context: BrowserContext, published: Path, tmp_path: Path) -> None:
    """Line for line, made from the page's own data."""
    page = Visit(context, published, "#runs").page
    with page.expect_download() as waiting:
        page.locator("#download").click()
    waiting.value.save_as(tmp_path / "results.jsonl")
    merged = merge(list(record.read(each)) for each in PUBLISHED)

    assert list(record.read(tmp_path / "results.jsonl")) == list(merged.records())


ATTACKS = (
    "<script>hacked = 1</script>", "</script><script>hacked = 1</script>", "<img src=x onerror=hacked=1>",
    '"><svg onload=hacked=1>', "<!--<script>", "&lt;b&gt;", "javascript:hacked=1", "${hacked=1}", "{{ 7*7 }}",
)  # fmt: skip


def hostile(value: Any, attack: str) -> Any:
    """The value with the attack in every string that is not a name of the format's own."""
    if isinstance(value, dict):
        return {key: hostile(each, attack) for key, each in value.items()}
    if isinstance(value, list):
        return [hostile(each, attack) for each in value]
    return value + attack if isinstance(value, str) else value


@pytest.mark.parametrize("attack", ATTACKS)
def test_markup_in_any_field_is_text(guarded: BrowserContext, tmp_path: Path, attack: str) -> None:
    """Nothing of a record runs, and what was written is what is read."""
    check = {
        **hostile(runs.check(), attack),
        "record": "check",
        "outcome": "deviates",
        "expected": False,
        "note": attack,
    }
    case = {**hostile(runs.case(), attack), "record": "case"}
    head = runs.head(
        started=f"2026-01-01{attack}", suite=attack, missing={attack: attack}, options={attack: [attack]},
        machine={"processor": attack, "cores": 2, "system": attack, "python": attack},
        adapters={attack: {"versions": {attack: attack}, "devices": [attack], "threads": 1}},
        deviations={"a" + attack: {"tail" + attack: {"reason": attack, "harm": attack, "link": attack}}},
    )  # fmt: skip
    implementation = {**hostile(runs.implementation(), attack), "record": "implementation", "labels": "soft"}
    path = tmp_path / "page.html"
    measured = [
        runs.speed(workload=f"a-b-{attack}-c", reduction=attack, subject={**vars(runs.SUBJECT), "mode": attack}),
        runs.sweep(subject={**vars(runs.SUBJECT), "dtype": "float16", "implementation": attack}),
    ]
    html.write(merge([[head, implementation, case, *runs.curves(implementation=attack), check, *measured]]), path)
    visit = Visit(guarded, path, "#cases")
    visit.page.wait_for_selector("#c-list[aria-busy=false] a.row")
    visit.page.locator("#c-list a.row").first.click()
    visit.page.wait_for_selector("#c-detail h3")
    open_everything(visit.page)

    assert visit.page.evaluate("typeof hacked") == "undefined"
    assert visit.complaints == []
    assert [each for each in visit.requests if not each.startswith(("file:", "blob:", "data:"))] == []
    assert visit.page.locator("#c-detail h3").inner_text() == "One idea" + attack
    assert visit.page.locator("a[href^='javascript']").count() == 0
    assert attack in (visit.page.locator("#why").text_content() or "")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_comparison_and_history_are_accessible_and_escape(browser: Browser, tmp_path: Path, theme: Any) -> None:
    """They are pages of their own, from the same records."""
    attack = "</script><script>hacked = 1</script>"
    old = [runs.head(), runs.conforming("values/a"), runs.check("values/b")]
    new = [
        runs.head(adapters={"a": {"versions": {"a": attack}, "devices": ["cpu"], "threads": 1}}),
        runs.check("values/a", version="2.0"), runs.conforming("values/b", version="2.0"),
        runs.check("values/c", version="2.0", implementation=attack),
    ]  # fmt: skip
    html.write_comparison(compare.compare(old, new), tmp_path / "compare.html")
    html.write_history(history.history([old, new]), tmp_path / "history.html")
    made = browser.new_context(viewport=DESK, color_scheme=theme)
    for name, wanted in (("compare", "table"), ("history", ".history svg")):
        visit = Visit(made, tmp_path / f"{name}.html")
        visit.page.wait_for_selector(wanted)
        found = Axe().run(visit.page, options={"resultTypes": ["violations"]})

        assert [(each["id"], each["nodes"][0]["html"]) for each in found.response["violations"]] == []
        assert visit.complaints == []
        assert visit.page.evaluate("typeof hacked") == "undefined"
        assert attack in (visit.page.locator("main").text_content() or "")
    made.close()


def test_the_theme_is_the_system_s_until_one_is_chosen(browser: Browser, published: Path) -> None:
    """Auto, light, dark."""
    made = browser.new_context(viewport=DESK, color_scheme="dark")
    page = Visit(made, published).page
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.locator("#theme").click()
    light = page.evaluate(ground)
    page.locator("#theme").click()
    again = page.evaluate(ground)
    made.close()

    assert (dark, light, again) == ("rgb(21, 24, 27)", "rgb(255, 255, 255)", "rgb(21, 24, 27)")


def test_it_prints(context: BrowserContext, published: Path) -> None:
    """Without controls."""
    page = Visit(context, published).page
    page.emulate_media(media="print")

    assert page.locator("nav").is_hidden()
    assert page.locator("#filters").is_hidden()
    assert len(page.pdf(format="A4", landscape=True, page_ranges="1-3")) > 10_000
