"""The page in its five languages."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from streamauth.core.events import Reason
from streamauth.errors import all_errors
from tests.browser.rig import ScriptedServer, accessibility_faults, decision, error, in_view, opened, result
from tests.browser.test_page import score

pytestmark = pytest.mark.usefixtures("usual_size")


def test_every_language_has_every_text_and_its_places(page: Page) -> None:
    tables: dict[str, dict[str, str]] = page.evaluate("""async () => ({ ...(await import("/texts.js")).LANGUAGES })""")
    english = tables.pop("en")
    client = page.evaluate("""async () => Object.keys((await import("/streamauth.js")).SENTENCES)""")
    needed = {f"reason.{reason.value}" for reason in Reason} | {f"error.{code}" for code in client}
    assert set(tables) == {"de", "fr", "es", "zh"}
    others = set.union(*(set(table) for table in tables.values()))
    for code, table in tables.items():
        assert sorted(english.keys() - table.keys()) == [], code
        assert sorted(needed - table.keys()) == [], code
        assert sorted(others - table.keys()) == [], code
        for key, text in english.items():
            assert sorted(re.findall(r"\{\w+\}", table[key])) == sorted(re.findall(r"\{\w+\}", text)), (code, key)
            assert bool(table[key]) == bool(text), (code, key)


ERRORS = sorted(kind.code for kind in all_errors())


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "zh"])
def test_no_error_of_the_server_is_told_in_english_elsewhere_or_by_a_command(page: Page, language: str) -> None:
    told: dict[str, str] = page.evaluate(
        """async ([language, codes]) => {
          const { errorIn } = await import("/texts.js");
          const message = "An English sentence. `streamauth doctor` tells more.";
          return Object.fromEntries(codes.map((code) => [code, errorIn(language, { code, message })]));
        }""",
        [language, ERRORS],
    )
    assert len(told) > 80
    assert [code for code, sentence in told.items() if "English" in sentence or "`" in sentence or not sentence] == []


def test_what_is_wrong_with_a_phrase_is_told_in_the_language_of_the_page(page: Page) -> None:
    page.select_option("#language", "de")
    page.click("nav [data-view=enroll]")
    for phrase, said in (("let me in", "zu kurz oder zu leicht"), ("!?", "lässt sich nicht verwenden")):
        page.fill("#phrase", phrase)
        page.wait_for_selector(f"#phrase-worth[data-level=weak]:has-text('{said}')")
    page.fill("#phrase", "")
    page.select_option("#language", "en")


def test_every_text_is_used() -> None:
    folder = Path(__file__).parents[2] / "streamauth" / "server" / "page"
    used = "".join(path.read_text("utf-8") for path in [*folder.glob("*.js"), folder / "index.html"])
    families = ("times.", "worth.", "say.", "stays.", "step.", "like.", "rank.", "head.", "do.", "error.", "reason.")
    keys = re.findall(r'^  "([\w.\-]+)":', (folder / "texts" / "en.js").read_text("utf-8"), re.MULTILINE)
    fixed = [key for key in keys if not key.startswith((*families, "verify.", "enroll.", "identify."))]
    assert len(keys) > 200
    assert [key for key in fixed if f'"{key}"' not in used] == []


def test_the_language_is_the_browsers_and_can_be_switched(browser: Browser, site: str) -> None:
    with opened(browser, site, locale="de-AT") as page:
        assert page.inner_text("#title") == "Sind Sie es?"
        assert page.get_attribute("html", "lang") == "de"
        ScriptedServer([(3, decision("reject", "voice_mismatch"))]).on(page)
        page.fill("#name", "ada")
        page.click("#start")
        assert result(page) == "Nicht angenommen."
        assert page.locator("#reasons li").all_inner_texts() == ["Die Stimme ist nicht die angelernte."]
        assert page.inner_text("#figures dd") == "2,3 s"
        page.select_option("#language", "zh")
        assert page.inner_text("#title") == "是您本人吗？"
        assert page.input_value("#name") == "ada"
        page.reload()
        assert page.inner_text("#title") == "是您本人吗？", "remembered"
        assert accessibility_faults(page) == []


@pytest.mark.parametrize("language", ["de", "fr", "es", "zh"])
def test_a_small_screen_holds_every_language(page: Page, language: str) -> None:
    page.set_viewport_size({"width": 320, "height": 568})
    page.select_option("#language", language)
    for view in ("verify", "enroll", "identify", "profiles"):
        page.click(f"nav [data-view={view}]")
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, view
    delayed = "There were failed attempts. Wait 7 s before the next one."
    ScriptedServer([(2, score(1.0, 4.0))]).on(page)
    page.click("nav [data-view=verify]")
    page.fill("#name", "ada")
    page.click("#start")
    page.wait_for_selector("#curve:not([hidden])")
    assert in_view(page, "#done")
    assert in_view(page, "#stop")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.click("#stop")
    ScriptedServer(refusal=error("attempt_delayed", delayed)).on(page)
    page.wait_for_selector("#form")
    page.click("#start")
    page.wait_for_selector("#panel-result:not([hidden])")
    assert "7 s" in page.inner_text("#verdict-lead") or "7 秒" in page.inner_text("#verdict-lead")
    assert "failed" not in page.inner_text("#panel-result")
    page.select_option("#language", "en")
