"""The document in filter files: the format of today, and older ones."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from fast_nst.errors import CheckpointError, ConfigError
from fast_nst.filter_metadata import (
    Binding,
    FilterMetadata,
    Knob,
    Style,
    check_knobs,
    parse_metadata,
)

FILE = Path("a.safetensors")
FORMAT_1 = {
    "style": "great_wave",
    "network": "quarter",
    "network_arguments": {"width": 4},
    "style_sha256": "ab" * 32,
    "style_thumbnail": "UklG",
    "config": {"style": {"name": "great_wave", "title": "The Great Wave", "painter": "Hokusai"}},
    "losses": {"content": 0.5},
    "versions": {"torch": "2.14"},
    "created": "2026-11-29T00:00:00+00:00",
    "license": "CC0-1.0",
    "format_version": 1,
}


def test_format_1_becomes_format_2() -> None:
    metadata = parse_metadata(FORMAT_1, FILE)
    wave = Style("great_wave", "ab" * 32, "UklG", "The Great Wave", "Hokusai")
    assert metadata.styles == (wave,)
    assert metadata.style == "great_wave"
    assert metadata.knobs == metadata.bound == {}
    assert metadata.format_version == 2
    for name in ("network", "network_arguments", "config", "losses", "versions", "created"):
        assert getattr(metadata, name) == FORMAT_1[name]
    assert metadata.license == "CC0-1.0"


@pytest.mark.parametrize("config", [None, {}, {"style": None}, {"style": {"title": None}}])
def test_format_1_need_not_say_a_title(config: Any) -> None:
    document = {**FORMAT_1, "config": config}
    assert parse_metadata(document, FILE).styles[0].title == ""


def test_what_is_written_is_read_again() -> None:
    metadata = FilterMetadata(
        (Style("a", title="A"), Style("b")), "net", {"width": 3}, {"size": Knob(1, 4, 2, "larger")}
    )
    document = json.loads(json.dumps(asdict(metadata)))
    assert document["styles"][1]["name"] == "b"
    assert document["knobs"]["size"] == {"least": 1, "most": 4, "default": 2, "meaning": "larger"}
    assert parse_metadata(document, FILE) == metadata
    document["styles"][0]["of a later version"] = document["of a later version"] = 1
    assert parse_metadata(document, FILE) == metadata


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"styles": []}, "names no style"),
        ({"styles": ["a"]}, "styles or knobs in its metadata are damaged"),
        ({"styles": [{"title": "A"}]}, "styles or knobs in its metadata are damaged"),
        ({"styles": 3}, "styles or knobs in its metadata are damaged"),
        ({"knobs": [1]}, "styles or knobs in its metadata are damaged"),
        ({"knobs": {"size": {"least": 1}}}, "styles or knobs in its metadata are damaged"),
        ({"format_version": 3}, r"format version 3; this fast_nst reads up to 2.*Upgrade"),
        ({"format_version": 1}, "lacks style"),
        ({"format_version": "2"}, "not a number"),
    ],
)
def test_a_damaged_document_is_refused(change: dict[str, Any], message: str) -> None:
    document = asdict(FilterMetadata((Style("a"),), "net", {})) | change
    with pytest.raises(CheckpointError, match=message):
        parse_metadata(document, FILE)


def test_a_document_of_format_2_needs_its_styles() -> None:
    with pytest.raises(CheckpointError, match="lacks styles"):
        parse_metadata({**FORMAT_1, "format_version": 2}, FILE)


def test_a_binding_stands_for_a_number_and_values() -> None:
    metadata = FilterMetadata(
        (Style("a"), Style("b")), "net", {}, {"size": Knob(1, 4, 2), "force": Knob(0, 1, 0.5)}
    )
    assert metadata.style == "a, b"
    assert metadata.choose(Binding()) == (0, {"size": 2.0, "force": 0.5})
    number, values = metadata.choose(Binding("b", {"size": 4}))
    assert (number, values) == (1, {"size": 4.0, "force": 0.5})
    bound = metadata.with_bound(number, values)
    assert (bound.style, bound.knobs, bound.bound) == ("b", {}, values)
    assert bound.choose(Binding("b")) == (0, {})
    with pytest.raises(ConfigError, match="no style 'a'"):
        bound.choose(Binding("a"))


def test_values_at_the_ends_of_a_range_are_in_it() -> None:
    knobs = {"size": Knob(1, 4, 2)}
    for value in (1, 4):
        assert check_knobs(knobs, {"size": value}) == {"size": value}
    for value in (0.999, 4.001):
        with pytest.raises(ConfigError, match=r"expected 1 to 4"):
            check_knobs(knobs, {"size": value})


def test_bindings_have_keys_of_their_own() -> None:
    assert Binding().key == ""
    keys = {Binding("a").key, Binding("b").key, Binding(knobs={"size": 1}).key}
    assert len(keys | {Binding("a", {"size": 1}).key}) == 4
    assert Binding("a", {"x": 1, "y": 2}).key == Binding("a", {"y": 2.0, "x": 1.0}).key
