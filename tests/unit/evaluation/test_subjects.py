import dataclasses
import hashlib
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from fast_nst.encoders import create_encoder
from fast_nst.encoders.vgg_lite import VGGLite
from fast_nst.errors import CheckpointError, ConfigError, FastNSTError, WeightsError
from fast_nst.evaluation.run import check_sizes
from fast_nst.evaluation.subjects import (
    distinct_names,
    find_judge,
    load_subjects,
    training_config,
)
from fast_nst.filters.checkpoint import FilterMetadata, Style, load_filter, save_filter
from fast_nst.paths import asset_path

CPU = torch.device("cpu")


def changed(folder: Path, trained: Path, **config: object) -> Path:
    """The same filter, with groups of its training configuration replaced."""
    loaded = load_filter(trained)
    metadata = dataclasses.replace(loaded.metadata, config={**loaded.metadata.config, **config})
    return save_filter(folder / "changed.safetensors", loaded.network, metadata)


def test_a_filter_is_judged_by_its_own_loss_without_terms_against_artefacts(trained: Path) -> None:
    (subject,) = load_subjects([trained], None, None, CPU)
    assert subject.objective.weights == {"content": 1.0, "style": 20.0, "tv": 0.5}
    assert subject.objective.terms["style"].layers == ("relu1_1", "relu2_1")
    assert subject.style.shape == (1, 3, 64, 80)
    assert subject.plain.weights["content"] == subject.plain.weights["style"] == 1
    assert subject.plain.terms["style"].layers == ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
    assert subject.plain.terms["style"].scale == "relative"
    assert subject.judge is None


def test_filters_that_were_trained_alike_share_their_losses_and_others_do_not(
    trained: Path, tmp_path: Path, metadata: FilterMetadata
) -> None:
    twin = tmp_path / "twin.safetensors"
    twin.write_bytes(trained.read_bytes())
    other = changed(tmp_path, trained, loss={**metadata.config["loss"], "style_weight": 5.0})
    first, second, third = load_subjects([trained, twin, other], None, None, CPU)
    assert first.objective is second.objective
    assert first.objective is not third.objective
    assert first.plain is second.plain is third.plain


def test_another_style_image_is_used_and_reported(
    trained: Path, tmp_path: Path, style_file: Path
) -> None:
    loaded = load_filter(trained)
    digest = hashlib.sha256(style_file.read_bytes()).hexdigest()
    known = save_filter(
        tmp_path / "known.safetensors",
        loaded.network,
        dataclasses.replace(loaded.metadata, styles=(Style("blocks", digest),)),
    )
    assert not load_subjects([known], None, None, CPU)[0].style_differs
    given = load_subjects([known], asset_path("styles/great_wave.webp"), None, CPU)[0]
    assert given.style_differs
    assert given.style_file.name == "great_wave.webp"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"style": {"name": "gone", "image": "gone.jpg", "size": 64}}, "Give it: --style FILE"),
        ({"style": {"name": "gone", "image": None, "size": 64}}, "Give it: --style FILE"),
        ({"encoder": {"name": "vgg16", "weights": "gone.pth"}}, "trained with the encoder vgg16"),
        ({"loss": {"unheard_of_weight": 1.0}}, "was trained with another loss"),
        ({"loss": None}, "no loss in its metadata"),
        ({"encoder": {}}, "no encoder in its metadata"),
    ],
)
def test_what_is_not_at_hand_is_one_clear_line(
    config: dict[str, object], message: str, trained: Path, tmp_path: Path
) -> None:
    file = changed(tmp_path, trained, **config)
    with pytest.raises(FastNSTError, match=message) as raised:
        load_subjects([file], None, None, CPU)
    assert str(file) in str(raised.value)


def test_a_filter_that_does_not_say_how_it_was_trained_is_refused(filter_file: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot be judged"):
        training_config(load_filter(filter_file).metadata, filter_file)


def test_the_judge_is_an_encoder_by_name_or_by_a_file_of_any_kind(tmp_path: Path) -> None:
    assert isinstance(find_judge("vgg_lite"), VGGLite)
    assert isinstance(find_judge(str(asset_path("vgg_lite.safetensors"))), VGGLite)
    widths = [3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512]
    indices = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
    state = {}
    for index, (before, after) in zip(indices, pairwise(widths), strict=True):
        state[f"features.{index}.weight"] = torch.zeros(after // 32, max(3, before // 32), 3, 3)
        state[f"features.{index}.bias"] = torch.zeros(after // 32)
    torch.save(state, tmp_path / "vgg16.pth")
    assert len(find_judge(str(tmp_path / "vgg16.pth")).layers) == 13


def test_an_unknown_judge_is_an_error_that_suggests_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"did you mean 'vgg16'\?"):
        find_judge("vgg_16")
    with pytest.raises(WeightsError, match="not bundled"):
        find_judge("vgg19_distilled")
    (tmp_path / "other.safetensors").write_text("other")
    with pytest.raises(ConfigError, match="holds the weights of none of"):
        find_judge(str(tmp_path / "other.safetensors"))


def test_names_have_as_much_of_the_folder_as_tells_them_apart() -> None:
    files = [Path("a/x.safetensors"), Path("b/x.safetensors"), Path("b/y.ckpt")]
    assert distinct_names(files) == ["a/x", "b/x", "y"]
    assert distinct_names(files[:1]) == ["x"]
    with pytest.raises(ConfigError, match="given twice"):
        distinct_names([files[0], files[0]])


def test_a_size_too_small_for_the_deepest_layer_is_refused(trained: Path) -> None:
    subjects = load_subjects([trained], None, create_encoder("vgg_lite"), CPU)
    check_sizes([16, 64], subjects)
    with pytest.raises(FastNSTError, match="relu4_1 of blocks's losses needs at least 16 px"):
        check_sizes([64, 15], subjects)
