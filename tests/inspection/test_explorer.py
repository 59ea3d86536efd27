"""The page of `explore`, in a real browser."""

import json
import shutil
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from skembed import NeuralEmbeddingClassifier, NeuralEmbeddingEncoder
from skembed.inspection._explorer import make_page

HOSTILE = '</script><img src="x" onerror="window.hacked = true">'
CITIES = {"Bern": 2.0, "Oslo": 1.5, "Pisa": 0.4, "Rome": 0.5, HOSTILE: -1.0}


@pytest.fixture(scope="module")
def cities():
    """Frame, target and an encoder of two columns: one of three components, one of one."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"city": rng.choice(list(CITIES), 600), "kind": rng.choice(["a", "b"], 600)})
    y = X["city"].map(CITIES) + (X["kind"] == "a") + rng.normal(0, 0.1, 600)
    dims = {"city": 3, "kind": 1}
    return X, y, NeuralEmbeddingEncoder(embedding_dim=dims, crosses=None, random_state=0).fit(X, y)


@pytest.fixture(scope="module")
def chromium():
    """Chromium of this machine, without a window."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no chromium is installed; apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium, tmp_path):
    """Function that opens the page of an estimator; in the end, nothing must have gone wrong."""
    wrong = []

    def open_page(estimator, X=None, y=None, **options):
        file = tmp_path / "report.html"
        estimator.explore(file, X, y)
        page = chromium.new_page(viewport={"width": 1400, "height": 1000}, **options)
        page.set_default_timeout(60_000)  # on a machine that does much else
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.on(
            "request",
            lambda asked: asked.url.startswith(("http", "ws")) and wrong.append(asked.url),
        )
        page.goto(file.as_uri())
        page.wait_for_selector("#training .main-svg")
        return page

    yield open_page
    assert wrong == []


def look_for(page, text):
    page.fill("#search", text)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")


def hover(page, level):
    """Move the mouse over the point of a level, by its position in the column."""
    x, y = page.evaluate(
        """(i) => {
            const map = document.getElementById("map"), {xaxis, yaxis} = map._fullLayout;
            const {left, top} = map.getBoundingClientRect(), points = map.data[1];
            return [left + xaxis._offset + xaxis.d2p(points.x[i]),
                    top + yaxis._offset + yaxis.d2p(points.y[i])];
        }""",
        level,
    )
    page.mouse.move(x - 3, y)
    page.mouse.move(x, y)
    page.wait_for_selector("#tip:not([hidden])")
    return page.inner_text("#tip")


def test_explore_finds_a_level_with_the_keys_alone(cities, opened):
    _, _, encoder = cities
    page = opened(encoder)
    page.keyboard.press("/")
    page.keyboard.type("ROM")
    page.keyboard.press("Escape")
    assert page.is_hidden("#results")
    page.keyboard.type("E")
    assert page.inner_text("#results li") == "Rome city"
    page.keyboard.press("ArrowDown")
    assert page.get_attribute("#search", "aria-activedescendant") == "found-0"
    page.keyboard.press("Enter")
    assert page.inner_text("#level") == "Rome"
    assert page.is_hidden("#results")


def test_explore_nearest_levels_are_those_of_nearest(cities, opened):
    _, _, encoder = cities
    page = opened(encoder)
    look_for(page, "Rome")
    shown = page.eval_on_selector_all("#nearest td button", "all => all.map(b => b.textContent)")
    assert shown == encoder.nearest("city", "Rome", k=4)["level"].tolist()
    page.focus("#nearest td button")
    page.keyboard.press("Enter")
    assert page.inner_text("#level") == shown[0]


def test_explore_hovering_shows_rows_target_and_neighbours(cities, opened):
    X, y, encoder = cities
    page = opened(encoder, X, y)
    rows = X["city"].value_counts()
    tip = hover(page, 0)
    assert rows.index[0] in tip
    assert f"Rows in fit: {rows.iloc[0]}" in tip
    assert f"Mean target: {y[X['city'] == rows.index[0]].mean():.4g}" in tip
    assert f"Nearest: {encoder.nearest('city', rows.index[0], k=1)['level'][0]}" in tip


def test_explore_can_show_another_column(cities, opened):
    page = opened(cities[2])
    page.select_option("#column", label="kind (2 levels, 1 component)")
    assert hover(page, 0).split("\n")[0] in ("a", "b")
    assert page.is_disabled("#solid")  # one component has no third axis


def test_explore_in_three_dimensions(cities, opened):
    page = opened(cities[2])
    page.click("#solid")
    page.wait_for_function("document.getElementById('map').data[1].type === 'scatter3d'")
    assert page.get_attribute("#solid", "aria-pressed") == "true"
    assert page.evaluate("document.getElementById('map').data[1].z.length") == len(CITIES)


def test_explore_dark_mode_follows_the_system_and_a_switch(cities, opened):
    page = opened(cities[2], color_scheme="dark")
    background = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(background)
    page.click("#theme")
    light = page.evaluate(background)
    assert (dark, light) == ("rgb(16, 21, 27)", "rgb(255, 255, 255)")


def test_explore_html_level_is_shown_and_not_run(cities, opened):
    page = opened(cities[2])
    look_for(page, "</script>")
    assert page.inner_text("#level") == HOSTILE
    assert page.query_selector("img") is None
    assert page.evaluate("window.hacked") is None


def test_explore_lists_undertrained_levels(opened):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"city": [*rng.choice(["Bern", "Rome"], 600), "Lima"]})
    y = X["city"].map({"Bern": 1.0, "Rome": -1.0, "Lima": 0.0})
    page = opened(NeuralEmbeddingEncoder(random_state=0).fit(X, y))
    assert page.inner_text("#undertrained tbody").split() == ["Lima", "1"]


def test_explore_draws_and_searches_ten_thousand_levels(opened):
    """By WebGL and not by an element for each point; a search shows the first levels it finds."""
    rng = np.random.default_rng(0)
    shop = np.append(np.arange(10_000), rng.integers(0, 10_000, 10_000))
    X = pd.DataFrame({"shop": [f"shop {i}" for i in shop]})
    y = rng.normal(size=10_000)[shop]
    encoder = NeuralEmbeddingEncoder(embedding_dim=3, max_epochs=2, random_state=0)
    page = opened(encoder.fit(X, y))
    page.evaluate("async () => { await choose(data.columns[0], find('shop 1234')[0][1]); }")
    assert page.inner_text("#level") == "shop 1234"
    assert page.evaluate("document.getElementById('map').data[1].x.length") == 10_000
    assert page.evaluate("document.getElementById('map').data[1].type") == "scattergl"
    assert page.evaluate("find('shop').length") == 12


def test_explore_page_of_a_predictor(adult, opened):
    X, _, y, _ = adult
    X = X[["occupation", "race"]]
    page = opened(NeuralEmbeddingClassifier(max_epochs=2, random_state=0).fit(X, y), X, y)
    assert page.inner_text("h1") == "NeuralEmbeddingClassifier"


def test_explore_runs_no_scripts_but_ours(cities):
    page = make_page(cities[2])
    assert "default-src 'none'; script-src 'sha256-" in page
    assert HOSTILE not in page


def test_explore_writes_a_lone_surrogate(tmp_path):
    X = np.array([["Bern"], ["\ud800"]] * 30, dtype=object)
    encoder = NeuralEmbeddingEncoder(random_state=0).fit(X, [1.0, 2.0] * 30)
    encoder.explore(tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    content = text.split('type="application/json">')[1].split("</script>")[0]
    assert json.loads(content)["columns"][0]["labels"][:2] == ["Bern", "\ud800"]


def test_explore_of_what_is_not_fitted_is_an_error(tmp_path):
    with pytest.raises(NotFittedError):
        NeuralEmbeddingEncoder().explore(tmp_path / "report.html")


def test_explore_without_plotly_says_what_to_install(cities, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'skembed\[explore\]'"):
        cities[2].explore(tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == []
