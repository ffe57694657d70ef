"""Filters of several styles on the page: live knobs, the mixing pad, pictures as styles."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fast_nst.apps.web import make_site
from fast_nst.errors import ConfigError

from .conftest import Visit, frame, serving
from .test_hosting import plain_server
from .test_page import AXE, NEAR, open_photo, stylized

STYLES = ["starry_night", "great_wave", "the_scream"]
NETWORK = "mobile"
CODE_NEAR = 1e-3  # the most by which a code of the page may differ from Python's
# Keeps what the page tells its worker to paint with.
SPY = """(() => {
    const post = Worker.prototype.postMessage;
    Worker.prototype.postMessage = function (message, transfer) {
        if (message.kind === 'render') globalThis.lastSettings = message.settings;
        return post.call(this, message, transfer);
    };
})()"""
DROP = """([target, name, type, content]) => {
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([bytes], name, {type}));
    const event = (kind) => new DragEvent(kind, {bubbles: true, cancelable: true, dataTransfer});
    document.querySelector(target).dispatchEvent(event('dragover'));
    const while_over = document.body.dataset.dropping;
    document.querySelector(target).dispatchEvent(event('drop'));
    return while_over;
}"""


@pytest.fixture(scope="session")
def styled(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of three bundled styles, by the bundled predictor."""
    from fast_nst.prediction.styled import make_styles, save_styles

    file = tmp_path_factory.mktemp("styled") / "three.safetensors"
    return save_styles(file, make_styles(STYLES, NETWORK))


@pytest.fixture(scope="session")
def styled_url(styled: Path, filters: list[Path]) -> Iterator[str]:
    """A page with these styles, and a plain filter."""
    with serving(make_site([styled, filters[0]])) as server:
        yield server.url


@pytest.fixture(scope="session")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture that nobody has measured before, without loss."""
    file = tmp_path_factory.mktemp("picture") / "my_cat.png"
    frame(5, (420, 301)).rotate(30, expand=False, fillcolor=(200, 40, 30)).save(file)
    return file


def python_code(picture: Path, stroke_size: float = 1.0) -> Any:
    """The code that Python computes of a picture, (1, code)."""
    from fast_nst.prediction.load import load_predictor
    from fast_nst.prediction.make import Picture, measure_style, style_size

    pixels = Picture.find(picture).read(style_size(stroke_size))
    return load_predictor(NETWORK).code(measure_style([pixels])).detach()


def page_code(visit: Visit) -> Any:
    """The code that the page paints with."""
    return np.array(visit.page.evaluate("[...(lastSettings.first.code ?? [])]"), np.float32)


def distance(visit: Visit, wanted: Any) -> float:
    got, want = page_code(visit), wanted[0].numpy()
    return float(np.abs(got - want).max()) if got.shape == want.shape else float("inf")


def add_style(visit: Visit, picture: Path) -> None:
    own = visit.page.locator("#filters [data-filter^=own-]")
    before = own.count()
    with visit.drawn():
        visit.page.set_input_files("#style-input", picture)
        visit.wait(lambda: own.count() > before, "it is in the list")
    assert own.first.get_attribute("aria-pressed") == "true"


def move(visit: Visit, slider: str, value: float) -> None:
    with visit.drawn():
        visit.page.fill(slider, f"{value:g}")


@pytest.mark.parametrize(("strength", "stroke_size"), [(1, 1), (0.7, 1.4), (0.9, 2.8), (0.3, 0.5)])
def test_knobs_of_a_style_do_what_the_command_does(
    visit: Visit,
    styled_url: str,
    styled: Path,
    photo: Path,
    tmp_path: Path,
    strength: float,
    stroke_size: float,
) -> None:
    visit.open(styled_url)
    open_photo(visit, photo)
    with visit.drawn():
        visit.page.click("[data-filter=great_wave]")
    move(visit, "#strength", strength)
    move(visit, "#stroke", stroke_size)
    knobs = ("--strength", f"{strength:g}", "--stroke-size", f"{stroke_size:g}")
    wanted = stylized(tmp_path, photo, [styled], "--style", "great_wave", *knobs)
    assert np.abs(visit.snapshot()[1] - wanted).max() <= NEAR


def test_a_place_on_the_pad_is_a_mixture_of_the_command(
    visit: Visit, styled_url: str, styled: Path, photo: Path, tmp_path: Path
) -> None:
    visit.open(styled_url)
    open_photo(visit, photo)
    page = visit.page
    page.focus("#pad-across")
    for key, count in (("ArrowRight", 8), ("ArrowDown", 5)):  # 0.05 each
        for _ in range(count):
            page.keyboard.press(key)
    # The corner at the bottom right is free: its share goes to its two neighbors.
    shares = {"starry_night": 0.6 * 0.75, "great_wave": 0.4 * 0.75 + 0.05, "the_scream": 0.2}
    assert sum(shares.values()) == pytest.approx(1)
    said = "The Starry Night 45 %, The Great Wave off Kanagawa 35 %, The Scream 20 %"
    visit.wait(lambda: (page.text_content("#pad-value") or "").replace("\xa0", " ") == said, said)
    visit.wait(lambda: "Kanagawa 35" in (page.text_content("#status") or ""), "it is painted")
    mix = ",".join(f"{name}={share:g}" for name, share in shares.items())
    wanted = stylized(tmp_path, photo, [styled], "--mix", mix)
    assert np.abs(visit.snapshot()[1] - wanted).max() <= NEAR

    # A press on the pad goes there; another style in a corner takes the former's share.
    box = page.locator("#pad").bounding_box()
    assert box
    with visit.drawn():
        page.mouse.click(box["x"] + box["width"] - 3, box["y"] + 3)
    assert page.text_content("#pad-value") == "The Great Wave off Kanagawa"
    with visit.drawn():
        page.select_option("#corner-1", "the_scream")
    assert page.text_content("#pad-value") == "The Scream"
    assert page.input_value("#corner-2") == "great_wave"
    with visit.drawn():
        page.select_option("#corner-0", "great_wave")
    assert page.text_content("#pad-value") == "The Great Wave off Kanagawa"
    assert page.get_attribute("[data-filter=great_wave]", "aria-pressed") == "true"


def test_a_knob_loads_nothing_and_the_encoder_waits_until_it_is_wanted(
    visit: Visit, styled_url: str, picture: Path
) -> None:
    loaded: set[str] = set()

    def look(request: Any) -> None:
        if ".onnx" in request.url:
            loaded.add(request.url.split("/filters/")[1].split("?")[0])

    visit.page.context.on("request", look)
    visit.open(styled_url)
    parts = {"paint_1", "paint_2", "paint_4", "decode"}
    assert loaded == {f"model_1.{part}.onnx" for part in parts}
    for slider, value in (("#strength", 0.6), ("#stroke", 1.7), ("#pad-down", 0.5)):
        move(visit, slider, value)
    with visit.drawn():
        visit.page.click("[data-filter=the_scream]")
    assert len(loaded) == len(parts)
    add_style(visit, picture)
    assert loaded == {f"model_1.{part}.onnx" for part in parts | {"encode"}}


def test_knobs_turn_on_the_live_camera(visit: Visit, styled_url: str) -> None:
    visit.open(styled_url)
    page = visit.page
    page.select_option("#size", "240")
    page.click("#camera-button")
    visit.wait(lambda: max(visit.pixels().shape) == 240, "the camera is shown")
    for slider, value in (("#strength", 0.8), ("#stroke", 3), ("#pad-across", 1), ("#pad-down", 1)):
        move(visit, slider, value)
        with visit.drawn():
            pass
    assert "failed" not in (page.text_content("#status") or "")
    move(visit, "#strength", 0)
    page.click("#pause-button")
    page.wait_for_timeout(500)
    with visit.drawn():
        page.fill("#strength", "0")
        page.dispatch_event("#strength", "input")
    assert np.abs(visit.pixels() - visit.pixels("#original")).max() <= NEAR


def test_a_picture_becomes_a_style_with_the_code_of_python(
    visit: Visit, styled: Path, styled_url: str, photo: Path, picture: Path
) -> None:
    import torch

    from fast_nst.filters.checkpoint import load_unbound
    from fast_nst.image.io import read_image
    from fast_nst.networks.styled import StyledNetwork

    visit.page.add_init_script(SPY)
    visit.open(styled_url)
    open_photo(visit, photo)
    add_style(visit, picture)
    code = python_code(picture)
    assert distance(visit, code) <= CODE_NEAR
    network = load_unbound(styled).network
    assert isinstance(network, StyledNetwork)
    decoder = network.decoder
    with torch.no_grad():
        wanted = 255 * decoder.fold(code[0])(read_image(photo).rgb[None])[0].permute(1, 2, 0)
    name, pixels = visit.snapshot()
    assert name.startswith("own-My_cat-243x181")
    assert np.abs(pixels - wanted.numpy()).max() <= NEAR

    page = visit.page
    mine = page.locator("#filters [data-filter='own-My cat']")
    assert (mine.text_content() or "").strip() == "My cat"
    assert mine.locator("img").evaluate("image => image.naturalWidth") == 192
    assert page.locator("#filters button").first.get_attribute("data-filter") == "own-My cat"
    # The code for finer strokes comes after the first; larger strokes need none.
    page.fill("#stroke", "0.5")
    finer = python_code(picture, 0.5)
    visit.wait(lambda: distance(visit, finer) <= CODE_NEAR, "the code for finer strokes")
    with visit.drawn():
        page.fill("#stroke", "2.5")
    assert distance(visit, code) <= CODE_NEAR
    with torch.no_grad():
        turned = decoder.turned(code, torch.ones(1), torch.tensor([2.5]))[0]
        wanted = 255 * decoder.fold(turned, 2.5)(read_image(photo).rgb[None])[0].permute(1, 2, 0)
    assert np.abs(visit.snapshot()[1] - wanted.numpy()).max() <= NEAR
    page.fill("#stroke", "1")
    # It can be mixed with the others, and another picture gets another name.
    page.fill("#pad-across", "0.5")
    assert "My cat 50" in (page.text_content("#pad-value") or "")
    add_style(visit, picture)
    assert page.text_content("#filters [aria-pressed=true] .name") == "My cat 2"


@pytest.mark.parametrize("size", [(100, 70), (40, 300), (900, 640)])
def test_small_long_and_large_pictures_have_the_code_of_python(
    visit: Visit, styled_url: str, tmp_path: Path, size: tuple[int, int]
) -> None:
    file = tmp_path / "picture.png"
    frame(3, size).save(file)
    visit.page.add_init_script(SPY)
    visit.open(styled_url)
    add_style(visit, file)
    assert distance(visit, python_code(file)) <= CODE_NEAR


def test_what_is_dropped_on_the_list_is_a_style_and_elsewhere_a_photo(
    visit: Visit, styled_url: str, picture: Path
) -> None:
    visit.open(styled_url)
    content = base64.b64encode(picture.read_bytes()).decode()
    given = [picture.name, "image/png", content]
    with visit.drawn():
        assert visit.page.evaluate(DROP, ["#filters", *given]) == "styles"
    chosen = visit.page.locator("#filters [aria-pressed=true] .name")
    visit.wait(lambda: chosen.text_content() == "My cat", "it is a style")
    assert visit.pixels().shape[:2] == (512, 512)  # the sample is still there
    with visit.drawn():
        assert visit.page.evaluate(DROP, ["#stage", *given]) == "image"
    visit.wait(lambda: visit.pixels().shape[:2] == (301, 420), "it is the photo")
    assert visit.page.locator("#filters [data-filter^=own-]").count() == 1


def test_pictures_that_can_be_no_style_are_told_as_python_tells_them(
    visit: Visit, styled_url: str, tmp_path: Path
) -> None:
    from fast_nst.prediction.make import Picture

    visit.open(styled_url)
    drawn = frame(1, (600, 400))
    for name, image in {
        "tiny.png": drawn.resize((40, 31)),
        "flat.png": Image.new("RGB", (90, 80), (9, 30, 200)),
        "strip.png": drawn.resize((600, 60)),
    }.items():
        image.save(tmp_path / name)
        with pytest.raises(ConfigError) as told:
            Picture.find(tmp_path / name).read(256)
        wanted = str(told.value).replace(str(tmp_path / name), name)
        visit.page.set_input_files("#style-input", tmp_path / name)
        visit.wait(lambda w=wanted: visit.page.text_content("#status") == w, wanted)  # type: ignore[misc]
        assert visit.page.get_attribute("#status", "data-kind") == "error"
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG broken")
    for name in ("notes.txt", "broken.png"):
        visit.page.set_input_files("#style-input", tmp_path / name)
        wanted = f"{name} is not an image that this browser reads. Use JPEG, PNG or WebP."
        visit.wait(lambda w=wanted: visit.page.text_content("#status") == w, wanted)  # type: ignore[misc]
    assert visit.page.locator("#filters [data-filter^=own-]").count() == 0
    assert visit.page.get_attribute("#style-button", "aria-busy") is None


def test_a_plain_filter_beside_them_keeps_its_own_sliders(
    visit: Visit, styled_url: str, styled: Path, filters: list[Path], photo: Path, tmp_path: Path
) -> None:
    visit.open(styled_url)
    open_photo(visit, photo)
    page = visit.page
    assert page.locator("#pad").is_visible()
    assert not page.locator("#mix-with").is_visible()
    assert page.get_attribute("#stroke", "max") == "3"
    with visit.drawn():
        page.click("[data-filter=first]")
    assert not page.locator("#pad").is_visible()
    assert page.get_attribute("#stroke", "max") == "2"
    wanted = stylized(tmp_path, photo, filters[:1])
    assert np.abs(visit.snapshot()[1] - wanted).max() <= NEAR
    with visit.drawn():
        page.select_option("#mix-with", "great_wave")
    with visit.drawn():
        page.fill("#mix", "0.25")
    other = stylized(tmp_path, photo, [styled], "--style", "great_wave")
    assert np.abs(visit.snapshot()[1] - (0.75 * wanted + 0.25 * other)).max() <= NEAR


def test_a_page_without_such_a_file_takes_no_styles(visit: Visit, url: str, picture: Path) -> None:
    visit.open(url)
    assert not visit.page.locator("#style-button").is_visible()
    assert not visit.page.locator("#pad").is_visible()
    content = base64.b64encode(picture.read_bytes()).decode()
    with visit.drawn():
        visit.page.evaluate(DROP, ["#filters", picture.name, "image/png", content])
    visit.wait(lambda: visit.pixels().shape[:2] == (301, 420), "it is a photo there, too")


def test_a_folder_takes_styles_also_without_a_network(
    visit: Visit, styled: Path, picture: Path, tmp_path: Path
) -> None:
    from fast_nst.apps.web import write_folder

    write_folder(make_site([styled]), tmp_path / "page")
    with plain_server(tmp_path) as root:
        visit.open(f"{root}page/")
        add_style(visit, picture)
    visit.page.reload()
    visit.wait(lambda: visit.frames >= 1, "the sample is stylized without a server")
    add_style(visit, picture)
    visit.complaints[:] = [each for each in visit.complaints if "ERR_CONNECTION" not in each]


def test_the_keyboard_reaches_what_styles_have(visit: Visit, styled_url: str) -> None:
    visit.open(styled_url)
    reached = set()
    for _ in range(40):
        visit.page.keyboard.press("Tab")
        reached.add(visit.page.evaluate("document.activeElement.id"))
    wanted = {"style-button", "strength", "stroke", "pad-across", "pad-down"}
    assert wanted | {f"corner-{at}" for at in range(4)} <= reached
    with visit.page.expect_file_chooser():
        visit.page.focus("#style-button")
        visit.page.keyboard.press("Enter")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "size", [(1280, 800), (390, 844), (320, 700)], ids=lambda each: str(each[0])
)
def test_axe_finds_nothing_serious_and_nothing_is_too_wide(
    visit: Visit, styled_url: str, scheme: Any, size: tuple[int, int]
) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: make web")
    page = visit.page
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": size[0], "height": size[1]})
    visit.open(styled_url)
    page.fill("#pad-across", "0.4")
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run()")
    serious = [
        (each["id"], [node["target"] for node in each["nodes"]])
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
    ]
    assert serious == []
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
