from pathlib import Path
from urllib.error import URLError

import pytest
import torch
import torchvision
from safetensors.torch import save_file

from fast_nst.encoders import create_encoder
from fast_nst.encoders.vgg_lite import VGGLite
from fast_nst.errors import ConfigError, LayerError, WeightsError


@pytest.fixture(scope="module")
def vgg16_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state dict of torchvision's VGG-16 with random weights (no classifier: it is unused)."""
    torch.manual_seed(0)
    layers = torchvision.models.vgg.make_layers(torchvision.models.vgg.cfgs["D"])
    state = {f"features.{name}": value for name, value in layers.state_dict().items()}
    file = tmp_path_factory.mktemp("weights") / "vgg16.pth"
    torch.save(state, file)
    return file


def test_vgg16_gives_what_torchvisions_own_layers_give(vgg16_file: Path) -> None:
    encoder = create_encoder("vgg16", vgg16_file)
    layers = torchvision.models.vgg.make_layers(torchvision.models.vgg.cfgs["D"])
    state = torch.load(vgg16_file, weights_only=True)
    layers.load_state_dict({k.removeprefix("features."): v for k, v in state.items()})
    image = torch.rand(1, 3, 48, 32)
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    ours = encoder(image, ["relu1_2", "relu3_3", "relu4_3"])
    for name, index in (("relu1_2", 3), ("relu3_3", 15), ("relu4_3", 22)):
        theirs = layers[: index + 1]((image - mean) / std)
        torch.testing.assert_close(ours[name], theirs)


def test_vgg16_is_found_in_torchs_hub_folder(
    vgg16_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    (cache / "vgg16-397923af.pth").symlink_to(vgg16_file)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert create_encoder("vgg16")(torch.rand(1, 3, 16, 16), ["relu2_2"])["relu2_2"].shape[1] == 128


def test_a_download_that_fails_names_the_other_ways(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.download_url_to_file", refuse)
    with pytest.raises(WeightsError, match=r"encoder=vgg_lite, or give a file: encoder\.weights"):
        create_encoder("vgg19")


def test_nothing_past_the_deepest_layer_is_computed(vgg16_file: Path) -> None:
    encoder = create_encoder("vgg16", vgg16_file)
    seen: list[str] = []
    for name, conv in encoder.convs.items():  # type: ignore[union-attr,operator]
        conv.register_forward_hook(lambda *_, name=name: seen.append(name))
    encoder(torch.rand(1, 3, 16, 16), ["relu2_1", "relu1_1"])
    assert seen == ["relu1_1", "relu1_2", "relu2_1"]


def test_encoders_are_frozen_and_let_gradients_through_to_the_image() -> None:
    encoder = create_encoder("vgg_lite").train()
    image = torch.rand(1, 3, 16, 16, requires_grad=True)
    encoder(image, ["relu3_1"])["relu3_1"].sum().backward()
    assert not encoder.training
    assert image.grad is not None
    assert image.grad.abs().sum() > 0
    assert not any(parameter.requires_grad for parameter in encoder.parameters())


def test_the_bundled_encoder_is_small_and_its_features_are_alive() -> None:
    from fast_nst.paths import asset_path

    assert asset_path("vgg_lite.safetensors").stat().st_size <= 3_000_000
    encoder = create_encoder("vgg_lite")
    features = encoder(torch.rand(1, 3, 64, 64), encoder.layers)
    assert list(features) == list(encoder.layers)
    for name, values in features.items():
        assert values.std() > 0, name
        assert values.shape[-1] == 64 // 2 ** (int(name[4]) - 1)


def test_layers_that_do_not_exist_or_do_not_fit_are_named() -> None:
    encoder = VGGLite()
    with pytest.raises(LayerError, match=r"no layer 'relu9_1'.*Layers: relu1_1"):
        encoder(torch.rand(1, 3, 16, 16), ["relu9_1"])
    with pytest.raises(LayerError, match="40x12 px; relu4_1 needs at least 16x16"):
        encoder(torch.rand(1, 3, 12, 40), ["relu1_1", "relu4_1"])
    assert encoder(torch.rand(1, 3, 16, 16), ["relu4_1"])["relu4_1"].shape[-1] == 2


def test_unknown_encoders_and_bad_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'vgg_lite'"):
        create_encoder("vgglite")
    with pytest.raises(WeightsError, match="not bundled"):
        create_encoder("vgg19_distilled")
    text = tmp_path / "weights.pth"
    text.write_text("hello")
    for name in ("vgg16", "vgg_lite", "vgg19_distilled"):
        with pytest.raises(WeightsError, match=r"weights\.pth"):
            create_encoder(name, text)
    with pytest.raises(WeightsError, match="no such file"):
        create_encoder("vgg16", tmp_path / "absent.pth")


def test_weights_of_another_network_are_refused(tmp_path: Path, vgg16_file: Path) -> None:
    with pytest.raises(WeightsError, match="holds 13 convolutions, vgg19 has 16"):
        create_encoder("vgg19", vgg16_file)
    other = tmp_path / "other.safetensors"
    save_file({"conv1_1.weight": torch.zeros(3)}, other)
    with pytest.raises(WeightsError, match="lacks preprocess"):
        create_encoder("vgg19_distilled", other)
    with pytest.raises(WeightsError, match="not the weights of vgg_lite"):
        create_encoder("vgg_lite", other)
