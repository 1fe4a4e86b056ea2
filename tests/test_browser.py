"""The page in a real browser: from a file:// address, with a keyboard, on a phone, in both themes, and under attack."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page

from conformance.records import record
from conformance.report import compare, history
from conformance.report import page as html
from conformance.report.merge import Merged, merge
from tests import runs
from tests.visiting import DESK, PHONE, Visit

DRAWN = {
    "port": "#p-out .know", "kernel": "#k-beat p:not(.quiet)", "where": "#w-charts svg", "speed": "#s-bars svg[role]",
    "sweeps": "#v-charts svg",
}  # fmt: skip


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
    """Draw every view that waits to be seen, choose a case, and show all of them, opened, at once."""
    page.wait_for_selector("#c-list[aria-busy=false] a.row", state="attached")
    for section, drawn in DRAWN.items():
        page.evaluate("name => { address.set({}, { section: name }); }", section)
        page.wait_for_selector(drawn, state="attached")
    page.evaluate("() => { address.set({ s: 'ulp' }, { section: 'find' }); }")
    page.wait_for_selector(".found")
    page.evaluate(
        """() => { for (const each of document.querySelectorAll(".view")) each.classList.add("now");
        for (const each of document.querySelectorAll("details")) each.open = true; }"""
    )


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
    assert told == [], told


def test_a_phone_does_not_scroll_sideways(browser: Browser, published: Path) -> None:
    """Wide tables scroll in their own boxes."""
    made = browser.new_context(viewport=PHONE)
    visit = Visit(made, published, "#cases?case=values/saturated-positive")
    open_everything(visit.page)
    wide = visit.page.evaluate("document.documentElement.scrollWidth")
    made.close()

    assert wide <= PHONE["width"]


def test_the_first_screen_is_there_before_any_script_ran(browser: Browser, published: Path) -> None:
    """What this is, of which versions, on what machine, when; the search and the three doors, without scrolling."""
    made = browser.new_context(viewport=DESK, java_script_enabled=False)
    page = Visit(made, published).page
    head = page.locator("header").inner_text()
    doors = [page.locator(".door").nth(place).bounding_box() for place in range(3)]
    search = page.locator("#s-home").is_visible()
    words = page.locator(".words tbody tr").count()
    made.close()

    for text in ("torch 2.", "tensorflow 2.", "keras 3.", "jax 0.", "CPU: ", "2026-"):
        assert text in head
    assert search
    assert all(box is not None and box["y"] + box["height"] < DESK["height"] for box in doors)
    assert words > 10


def test_tiles_are_walked_by_arrow_keys_and_tell_what_they_mean(context: BrowserContext, published: Path) -> None:
    """One tab stop; Enter opens the tile's cases."""
    page = Visit(context, published, "#verdict").page
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
    assert page.evaluate("document.activeElement.closest('.view').id") == "cases"


def test_states_are_explained_on_hover_and_focus(context: BrowserContext, published: Path) -> None:
    """Each key of the legend."""
    page = Visit(context, published, "#verdict").page
    page.locator(".legend .key", has_text="unsupported").hover()
    assert "does not offer" in page.locator("#tip").inner_text()
    page.locator(".legend .key", has_text="documented").focus()
    assert "nobody's fault" in page.locator("#tip").inner_text()


def test_must_only_leaves_no_pass_where_something_deviates(context: BrowserContext, published: Path) -> None:
    """A tile of a should-deviation keeps its mark, and is dimmed."""
    page = Visit(context, published, "#verdict").page
    page.select_option("#v-levels", "must")
    look = "each => [getComputedStyle(each).opacity, getComputedStyle(each, '::before').content]"

    assert page.locator("#matrix .t.should").first.evaluate(look) == ["0.25", '"◆"']
    assert page.locator("#matrix .t.must").first.evaluate(look) == ["1", '"■"']


def test_every_choice_is_in_the_address_and_back_takes_it_back(context: BrowserContext, published: Path) -> None:
    """A copied address shows the same."""
    page = Visit(context, published, "#cases").page
    page.wait_for_selector("#c-list[aria-busy=false] a.row")
    every = page.locator("#c-list a.row").count()
    page.select_option("#f-framework", "pytorch")
    page.locator("#filters summary").click()
    page.select_option("#f-clause", "V3")
    page.fill("#f-q", "mirror")
    page.wait_for_function(f"document.querySelectorAll('#c-list a.row').length < {every}")
    page.wait_for_selector("#c-list[aria-busy=false] a.row")
    page.locator("#c-list a.row").first.click()
    page.wait_for_selector("#c-detail h2")
    address, title = page.url, page.locator("#c-detail h2").inner_text()
    assert {"framework=pytorch", "clause=V3", "q=mirror"} <= set(address.split("?")[1].split("&"))

    other = Visit(context, published, "#" + address.split("#")[1]).page
    other.wait_for_selector("#c-list[aria-busy=false] a.row")
    other.wait_for_selector("#c-detail h2")
    assert other.locator("#c-detail h2").inner_text() == title
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
    assert page.locator("#w-charts h2").all_inner_texts() == [
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


def test_a_filter_that_leaves_nothing_says_what_to_drop(context: BrowserContext, published: Path) -> None:
    """And one click drops it."""
    page = Visit(context, published, "#cases?dtype=float16&q=saturated-positive+bfloat16").page
    page.locator("#c-detail a", has_text="without the search").click()
    page.wait_for_selector("#c-list[aria-busy=false] a.row")
    assert page.locator("#f-dtype").input_value() == "float16"
    assert page.locator("#f-q").input_value() == ""


def test_the_download_is_the_merged_records(
    context: BrowserContext, published: Path, published_run: Merged, tmp_path: Path
) -> None:
    """Line for line, made from the page's own data."""
    page = Visit(context, published, "#runs").page
    with page.expect_download() as waiting:
        page.locator("#download").click()
    waiting.value.save_as(tmp_path / "results.jsonl")

    assert list(record.read(tmp_path / "results.jsonl")) == list(published_run.records())


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
        *runs.ports(attack),
    ]
    html.write(merge([[head, implementation, case, *runs.curves(implementation=attack), check, *measured]]), path)
    visit = Visit(guarded, path, "#cases")
    visit.page.wait_for_selector("#c-list[aria-busy=false] a.row")
    visit.page.locator("#c-list a.row").first.click()
    visit.page.wait_for_selector("#c-detail h2")
    open_everything(visit.page)

    assert visit.page.evaluate("typeof hacked") == "undefined"
    assert visit.complaints == []
    assert [each for each in visit.requests if not each.startswith(("file:", "blob:", "data:"))] == []
    assert visit.page.locator("#c-detail h2").inner_text() == "One idea" + attack
    assert visit.page.locator("a[href^='javascript']").count() == 0
    assert attack in (visit.page.locator("#verdict").text_content() or "")
    assert attack in (visit.page.locator(".finding").first.text_content() or "")


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
        for each in visit.page.locator("details").all():
            each.locator("> summary").click()
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
    assert page.locator("#s-home").is_hidden()
    assert page.locator(".door").first.is_visible()
    assert len(page.pdf(format="A4", landscape=True, page_ranges="1-3")) > 10_000
