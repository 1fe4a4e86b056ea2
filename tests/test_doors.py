"""The questions of those who open the page, each clicked from its door to the right answer in at most two clicks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from conformance.report.causes import Cause, causes, of_functions
from conformance.report.merge import Merged
from conformance.report.states import SEVERITIES
from tests.visiting import DESK, PHONE, Reader, Visit

PAIR = ("keras.losses.BinaryCrossentropy", "binary_cross_entropy_with_logits")


@pytest.fixture(scope="module")
def page(browser: Browser, published: Path) -> Iterator[Page]:
    """The page, opened once; waiting for a condition needs eval, which its own policy forbids."""
    made = browser.new_context(viewport=DESK, bypass_csp=True)
    made.grant_permissions(["clipboard-read", "clipboard-write"])
    visit = Visit(made, published)
    yield visit.page
    assert visit.complaints == []
    made.close()


@pytest.fixture
def porter(page: Page) -> Reader:
    """Somebody who has a Keras model that is trained by fit, and wants it in PyTorch."""
    page.evaluate("() => { address.values = new URLSearchParams(); }")
    reader = Reader(page, "port?")
    page.wait_for_selector("#p-out h2")
    return reader


@pytest.fixture(scope="module")
def found(published_run: Merged) -> list[Cause]:
    """Every cause, as the records have it."""
    return causes(published_run)


def trial(published_run: Merged, name: str, implementation: str) -> str:
    """What a script printed in the published run."""
    (only,) = (
        each["printed"]
        for each in published_run.others
        if each["record"] == "trial" and (each["name"], each["implementation"]) == (name, implementation)
    )
    return str(only)


def recipes(published_run: Merged, *features: str, shape: str = "multilabel", dtype: str = "float32") -> list[str]:
    """The losses of the pair's two recipes, as the page shows them."""
    modes = {"keras.losses.BinaryCrossentropy": "graph", "binary_cross_entropy_with_logits": "eager"}
    return [
        f"{float.fromhex(each['loss']):.7g}"
        for name in PAIR
        for each in published_run.others
        if each["record"] == "port" and each["subject"]["implementation"] == name
        and each["subject"]["mode"] == modes[name] and each["subject"]["dtype"] == dtype
        and each["features"] == list(features) and each["shape"] == shape
    ]  # fmt: skip


# The porter


def test_which_call_and_which_reduction(porter: Reader, published_run: Merged) -> None:
    """The code of both sides, with the numbers that it gave; every reduction with its counterpart."""
    old, new = recipes(published_run)
    porter.reads("#p-out .ran", old, new)
    codes = porter.page.locator("#p-out .sides code").all_inner_texts()
    porter.click("#p-out summary:has-text('Every reduction')")

    assert "return bce(z, x)" in codes[0]
    assert "F.binary_cross_entropy_with_logits(x, z)" in codes[1]
    assert "divide the sum by the sum of the weights" in porter.reads("#p-out table", "sum")


def test_whether_the_means_divide_by_the_same(porter: Reader) -> None:
    """In the first screen."""
    porter.reads(".know li", "The means divide by the same: by the number of elements")


def test_a_last_axis_of_one_on_one_side_only(porter: Reader, published_run: Merged) -> None:
    """Keras guesses, PyTorch raises."""
    porter.choose("#p-shape", "one+onefirst")
    told = porter.reads(".know li:has-text('[N, H, W, 1] against')", "Keras takes both")

    assert f"losses of shape {trial(published_run, 'rank', PAIR[0])}" in told
    assert f"PyTorch raises {trial(published_run, 'rank', PAIR[1])}" in told


def test_what_changes_in_bfloat16(porter: Reader) -> None:
    """Keras computes in float32, PyTorch does not; the code casts, and autocast does it by itself."""
    porter.choose("#p-dtype", "bfloat16")
    porter.reads(".know li", "In PyTorch such an element teaches nothing")
    assert "x.float()" in porter.page.locator("#p-out .sides code").nth(1).inner_text()
    porter.choose("#p-dtype", "bfloat16+autocast")
    porter.reads(".know li", "Under autocast the loss is computed in float32")
    porter.page.locator("#p-out .sides code").filter(has_text="torch.autocast").wait_for()


def test_whether_the_gradients_are_the_same(porter: Reader) -> None:
    """Trained by fit nothing changes; trained eagerly Keras keeps what PyTorch loses."""
    porter.reads(".know li", "Gradients: the same weakness on both sides (gradient tail lost)")
    porter.choose("#p-frommode", "eager")
    porter.reads(".know li", "Keras: right; PyTorch: gradient tail lost")


def test_how_far_apart_at_most(porter: Reader, published_run: Merged) -> None:
    """Absolutely first, ULP when asked."""
    rows = porter.page.locator("#p-apart tbody tr").all_inner_texts()
    hard, smoothed = (float(text) for text in rows[0].split()[1:])

    assert 0 < hard < 1e-6 < smoothed < 1e-5
    assert all(float(text) < 2e-7 for text in rows[1].split()[1:])
    porter.click("#p-out summary:has-text('In ULP')")
    porter.reads("#p-out details[open]", "loses counts with all its digits")
    assert published_run.curves


def test_whether_a_mask_of_infinity_is_safe(porter: Reader) -> None:
    """No: what it does to the loss and to the gradient, and code that is."""
    porter.tick("#p-mask")
    porter.reads(".know li", "NaN in Keras and in PyTorch")
    porter.reads(".know li", "Its gradient is 0 in both")
    assert "torch.where(m, x, 0.0)" in porter.page.locator("#p-out .sides code").nth(1).inner_text()
    porter.tick("#p-smoothing")
    porter.reads(".know li", "costs 500")


def test_sample_weights_and_class_weights(porter: Reader, published_run: Merged) -> None:
    """Which axis a plain weight pairs with, and the view that it needs."""
    porter.choose("#p-shape", "last+first")
    porter.tick("#p-weight")
    porter.reads(".know li", "A plain weight [N] in PyTorch pairs with the last axis")
    porter.reads(".know li", "A plain weight [N] in Keras pairs with the last axis")
    old, new = recipes(published_run, "weight", shape="last")[0], recipes(published_run, "weight", shape="first")[-1]
    porter.reads("#p-out .ran", old, new)
    assert "w[:, None, None, None]" in porter.page.locator("#p-out .sides code").nth(1).inner_text()


# The maintainer


def test_which_are_really_ours(page: Page, found: list[Cause]) -> None:
    """From home: public functions, and what is documented apart."""
    reader = Reader(page, "home")
    reader.click(".door a[href='#fix-pytorch']")
    ours = [each for each in of_functions(found) if each["adapter"] == "pytorch"]
    documented = [
        each for each in found if each["adapter"] == "pytorch" and each["role"] == "function" and each not in ours
    ]
    told = reader.reads("#fix-pytorch .lead", f"{len(ours)} to fix")

    assert f"{len(documented)} documented or by design" in told
    assert page.locator("#fix-pytorch .finding").count() == len(ours) + len(documented)
    assert page.locator("#fix-pytorch [id^=why-pytorch-composition]").count() == 0


def test_the_worst_comes_first(page: Page, found: list[Cause]) -> None:
    """By severity, then by rank."""
    Reader(page, "fix-pytorch")
    ranks = page.locator("#fix-pytorch h2 .sev").all_inner_texts()
    first = page.locator("#fix-pytorch .finding .what").first.inner_text()
    told = [SEVERITIES[each] for each in SEVERITIES if SEVERITIES[each] in ranks]

    assert ranks == [*told, "documented or by design"]
    assert first == next(each["title"] for each in of_functions(found) if each["adapter"] == "pytorch")


@pytest.fixture
def tail(page: Page) -> Reader:
    """Somebody with the link to the lost tail, which is opened."""
    return Reader(page, "fix-pytorch")


def opened(reader: Reader, name: str) -> str:
    """Open a row by its title and return what stands in it."""
    reader.click(f"#why-{name} > summary")
    text = str(reader.page.locator(f"#why-{name} .opened").inner_text())
    reader.page.locator(f"#why-{name}").evaluate("each => { each.open = false; }")
    return text


def test_since_when(tail: Reader, published_run: Merged) -> None:
    """Only one version was run, and it says so."""
    (version,) = {
        check["subject"]["version"] for check in published_run.checks if check["subject"]["adapter"] == "pytorch"
    }

    assert f"seen in {version}; older versions were not run" in opened(tail, "pytorch-loss-tail-lost")


def test_one_script(tail: Reader, found: list[Cause]) -> None:
    """What is exact, what it prints, and the script, which is copied whole."""
    (cause,) = (each for each in found if (each["adapter"], each["id"]) == ("pytorch", "loss-tail-lost"))
    tail.click("#why-pytorch-loss-tail-lost > summary")
    tail.click("#why-pytorch-loss-tail-lost .script > .code .copy")
    tail.page.wait_for_function("document.querySelector('#why-pytorch-loss-tail-lost .copy').textContent === 'Copied'")

    assert tail.page.evaluate("navigator.clipboard.readText()") == cause["reproducer"]
    assert tail.page.locator("#why-pytorch-loss-tail-lost .told code").all_inner_texts() == [
        "3.059022737137205e-07",
        "0.0",
    ]
    tail.page.locator("#why-pytorch-loss-tail-lost").evaluate("each => { each.open = false; }")


def test_which_line_of_the_source(tail: Reader, published_run: Merged) -> None:
    """A link to file and line at the tag."""
    (source,) = (
        each for each in published_run.others
        if each["record"] == "source" and "integer-labels-truncate" in each["deviations"]
    )  # fmt: skip
    assert source["place"] in opened(tail, "pytorch-integer-labels-truncate")
    link = tail.page.locator(f"#why-pytorch-integer-labels-truncate a[href='{source['url']}']")
    assert link.count() == 1
    assert re.search(r"/v[\d.]+/torch/.*#L\d+$", source["url"])


def test_what_it_harms(tail: Reader, found: list[Cause]) -> None:
    """In the ledger's words, and what is right beside it."""
    (cause,) = (each for each in found if (each["adapter"], each["id"]) == ("pytorch", "loss-tail-lost"))
    text = opened(tail, "pytorch-loss-tail-lost")

    assert cause["harm"] in text
    assert cause["right"] in text


def test_whether_there_is_an_issue(tail: Reader, found: list[Cause]) -> None:
    """Its own in the row; where there is none a draft to copy, with the script."""
    for cause in of_functions(found):
        if cause["adapter"] == "pytorch":
            row = tail.page.locator(f"#why-pytorch-{cause['id']} > summary .issue").text_content() or ""
            issue = f"issue #{cause['link'].rpartition('/')[2]}" if cause["link"] else "none filed"
            assert row == f"{cause['rows'][0]['level']} {issue}"
    tail.click("#why-pytorch-soft-margin-overflow > summary")
    tail.click("#why-pytorch-soft-margin-overflow .draft summary")
    (cause,) = (each for each in found if each["id"] == "soft-margin-overflow")
    draft = tail.page.locator("#why-pytorch-soft-margin-overflow .draft code").inner_text()
    assert cause["reproducer"] in draft
    assert cause["title"] in draft


@pytest.mark.parametrize(
    ("words", "kind", "title"),
    [
        ("195529", "Deviations", "The loss of confident negatives is 0 below logit -15 in float32"),
        ("must pytorch", "Deviations", "multilabel_soft_margin_loss pairs logits [N, 1] with all N labels of [N]"),
        ("keras 377", "Issues", "keras-team/keras/issues/377"),
        ("ignore_index", "Cases", "ignore"),
        ("mixed precision", "Deviations", "autocast"),
        ("sample weight", "Cases", "A weight [N, 1, 1] belongs to the image"),
        ("[N, H, W, 1]", "Cases", "channel"),
        ("NaN loss", "Deviations", "NaN"),
        ("padding", "Cases", "Padding"),
        ("sample weight", "Doors", "Port a model with sample weights"),
        ("mask", "Doors", "Port a model with masked logits"),
        ("ULP", "Words", "ULP"),
        ("V4", "Clauses", "Infinite logits"),
    ],
)
def test_the_search_finds_what_people_say(page: Page, words: str, kind: str, title: str) -> None:
    """Deviations, cases, issues, clauses and words, counted."""
    reader = Reader(page, "home")
    reader.ask(words)
    reader.reads("#f-said", words)
    group = page.locator(f".found[data-kind={kind}]")

    assert title.lower() in (group.text_content() or "").lower()
    assert int(group.locator("h2 small").inner_text()) == group.locator("li").count()


def test_a_search_without_an_answer_says_what_is_near(page: Page) -> None:
    """And that nothing is found."""
    reader = Reader(page, "home")
    reader.ask("broadcats")
    reader.reads("#f-said", "Nothing is found")
    reader.click("#f-found a:has-text('broadcasts')")
    reader.reads("#f-said", "deviations")


# The kernel author


def test_the_kernel_author_has_a_command_traps_and_times(page: Page) -> None:
    """On one screen's way down: what to run, what goes wrong, and who is fastest and right."""
    reader = Reader(page, "kernel")
    assert "conformance run --adapter pytorch --implementation" in page.locator("#kernel code").first.inner_text()
    reader.click("#kernel .traps tr:has-text('small loss') summary")
    reader.reads("#kernel .traps tr:has-text('small loss')", "binary_cross_entropy_with_logits (")
    page.locator("#k-beat").scroll_into_view_if_needed()
    reader.reads("#k-beat p", "To beat:")
    times = page.locator("#k-beat .beat i.full").count()
    assert times > 0


def test_golden_vectors_are_downloaded(page: Page, published_run: Merged, tmp_path: Path) -> None:
    """Every case with exact results, as the records have it."""
    reader = Reader(page, "kernel")
    with page.expect_download() as waiting:
        reader.click("#vectors")
    waiting.value.save_as(tmp_path / "golden.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "golden.jsonl").read_text(encoding="utf-8").splitlines()]

    assert {each["case"] for each in lines} == {name for name, each in published_run.cases.items() if each["exact"]}
    assert all(each["exact"] == published_run.cases[each["case"]]["exact"] for each in lines)


# The way about


def test_home_says_each_public_function_in_words(page: Page, found: list[Cause]) -> None:
    """Every word leads to its deviation."""
    Reader(page, "home")
    links = page.locator(".words td a").evaluate_all("all => all.map((each) => each.getAttribute('href').slice(1))")
    places = set(page.locator(".finding").evaluate_all("all => all.map((each) => each.id)"))

    assert set(links) <= places
    assert {f"why-{each['adapter']}-{each['id']}" for each in found} == places
    words = page.locator(".words tr", has_text="BCEWithLogitsLoss").locator("td").all_inner_texts()
    assert words[0] == "right"
    assert "tail lost" in words[1]
    assert "NaN" in words[2]


def test_back_returns_to_the_place(page: Page) -> None:
    """To the pixel, from wherever a link led."""
    Reader(page, "fix-tensorflow")
    row = page.locator("#why-tensorflow-gradient-tail-lost-in-graphs")
    row.locator("> summary").click()
    row.locator("a[href^='#clause-']").first.scroll_into_view_if_needed()
    before = page.evaluate("scrollY")
    row.locator("a[href^='#clause-']").first.click()
    page.wait_for_selector("#about.now tr.here")
    page.go_back()
    page.wait_for_selector("#fix-tensorflow.now")

    assert before > 0
    assert abs(page.evaluate("scrollY") - before) <= 1


def test_an_address_that_nothing_has_is_said(page: Page) -> None:
    """Not passed over."""
    page.evaluate("() => { location.hash = 'why-pytorch-no-such-thing'; }")
    page.wait_for_selector("#lost:not([hidden])")
    assert "why-pytorch-no-such-thing" in page.locator("#lost").inner_text()
    Reader(page, "home")
    assert page.locator("#lost").is_hidden()


def test_an_address_that_is_typed_goes_to_its_place(page: Page) -> None:
    """In an open tab, with the choices in it; it is opened, marked, in sight, and has the focus."""
    Reader(page, "home")
    page.evaluate("() => { location.hash = 'why-pytorch-loss-tail-lost'; }")
    page.wait_for_selector("#why-pytorch-loss-tail-lost.here[open]")
    box = page.locator("#why-pytorch-loss-tail-lost").bounding_box()

    assert box is not None
    assert 0 <= box["y"] < DESK["height"] / 2
    assert page.evaluate("document.activeElement.parentElement.id") == "why-pytorch-loss-tail-lost"
    page.locator("#why-pytorch-loss-tail-lost").evaluate("each => { each.open = false; }")


def test_nothing_that_is_zero_has_a_column(page: Page, published_run: Merged) -> None:
    """Neither in the legend nor in a table's head."""
    Reader(page, "verdict")
    states = " ".join(page.locator(".legend .key").all_inner_texts())

    assert all(check["expected"] for check in published_run.checks)
    assert "unexpected" not in states
    assert "no data" not in states
    table = page.locator("#matrix").evaluate("each => [each.scrollWidth, each.parentElement.clientWidth]")
    assert table[0] <= table[1]


def test_on_a_phone_tiles_can_be_touched_and_tables_are_cards(browser: Browser, published: Path) -> None:
    """At least 24 pixels; nothing scrolls sideways; a first tap tells, a second follows."""
    made = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
    phone = Visit(made, published, "#verdict").page
    box = phone.locator("#matrix .t").first.bounding_box()
    phone.locator("#matrix a.cell").first.tap()
    told = phone.locator("#tip").inner_text()
    stays = phone.evaluate("location.hash")
    phone.locator("#matrix a.cell").first.tap()
    phone.wait_for_selector("#cases.now")
    phone.goto(published.as_uri() + "#home")
    wide = phone.evaluate("document.documentElement.scrollWidth")
    head = phone.locator(".words thead").is_visible()
    made.close()

    assert box is not None
    assert min(box["width"], box["height"]) >= 24
    assert (stays, "Values" in told) == ("#verdict", True)
    assert wide <= PHONE["width"]
    assert not head
