"""A recipe that cannot be trained is refused in one sentence, with exit code 2, before any training or packing."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli_w

Run = Callable[..., Any]
Refused = Callable[..., str]


@pytest.fixture
def refused(simulacra: Run, recipe_file: Any, make_store: Any, tmp_path: Path) -> Refused:
    """refused(family, *words, without=): the sentence that `train` refuses a recipe with."""

    def refuse(family: str, *words: object, without: str = "", size: int = 8) -> str:
        path = recipe_file(family)
        if without:
            table = tomllib.loads(path.read_text("utf-8"))
            *above, last = without.split(".")
            place = table
            for part in above:
                place = place[part]
            del place[last]
            path.write_text(tomli_w.dumps(table), "utf-8")
        run = tmp_path / "run"
        data = make_store(shape=(size, size, 3))
        ended = simulacra("train", path, "--data", data, "--out", run, "--no-report", *words)
        assert ended.code == 2, ended.err
        sentence: str = ended.err.splitlines()[-1]
        assert sentence.startswith("simulacra: ")
        assert "Traceback" not in ended.err
        assert "pydantic" not in ended.err
        assert not (run / "recipe.toml").exists(), "nothing was begun"
        return sentence

    return refuse


def setting(text: str) -> tuple[str, str]:
    return ("--set", text)


@pytest.mark.parametrize(
    ("family", "change", "said"),
    [
        ("gan", "data.size=10", "multiples of 4, found 10x10: use 8x8 or 12x12"),
        ("vae", "networks.decoder.channels=[8,8,8,8,8]", "multiples of 32, found 8x8: use 32x32"),
        ("acgan", "networks.discriminator.channels=[4,4,4,4]", "from 16 up, found 8x8: use 16x16"),
        ("classifier", "networks.encoder.channels=[4,4,4,4]", "from 16 up, found 8x8: use 16x16"),
        ("wgan", "networks.critic.channels=[4,4,4,4]", "from 16 up, found 8x8: use 16x16"),
        ("infogan", "networks.generator.channels=[8,8,8,8]", "multiples of 16, found 8x8: use 16x16"),
    ],
)
def test_sizes_that_do_not_fit_the_network(family: str, change: str, said: str, refused: Refused) -> None:
    assert said in refused(family, *setting(change), size=10 if "size" in change else 8)


@pytest.mark.parametrize("family", ["acgan", "classifier"])
def test_a_label_that_the_store_lacks(family: str, refused: Refused) -> None:
    said = refused(family, *setting('data.labels=["Smiling","Beard"]'))
    assert "has no label 'Beard' (it has: Smiling, Eyeglasses, Male); choose among these with data.labels" in said


@pytest.mark.parametrize(
    ("family", "code"),
    [
        ("gan", "objective.code.noise=40"),
        ("acgan", "objective.code.noise=31"),
        ("infogan", "objective.code.categorical=[10,10,10]"),
        ("wgan", "objective.code.noise=33"),
    ],
)
def test_codes_wider_than_the_generator_takes(family: str, code: str, refused: Refused) -> None:
    said = refused(family, *setting("networks.generator.stem=reshape"), *setting(code))
    assert 'stem = "reshape" takes a code of 8x2x2 = 32 values, found 3' in said or "found 40" in said
    assert 'make the code 32 wide, or set stem = "dense"' in said


def test_a_latent_wider_than_the_decoder_takes(refused: Refused) -> None:
    said = refused("vae", *setting("networks.decoder.stem=reshape"), *setting("objective.latent=64"))
    assert "takes a code of 8x2x2 = 32 values, found 64: make the code 32 wide" in said


def test_a_family_with_a_missing_network(family: str, refused: Refused, recipe_file: Any) -> None:
    name = next(iter(tomllib.loads(recipe_file(family).read_text("utf-8"))["networks"]))
    said = refused(family, without=f"networks.{name}")
    assert f"family {family} needs a table [networks.{name}]; add it" in said


@pytest.mark.parametrize("steps", [0, -3])
@pytest.mark.parametrize("by_option", [True, False])
def test_zero_or_negative_steps(steps: int, by_option: bool, refused: Refused) -> None:
    words = ("--steps", steps) if by_option else setting(f"steps={steps}")
    assert f"steps = {steps}: input should be greater than 0" in refused("gan", *words)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("optimizer.betas=[0.5,1.0]", "optimizer.betas.1 = 1.0: input should be less than 1"),
        ("optimizer.betas=[-0.1,0.9]", "optimizer.betas.0 = -0.1: input should be greater than or equal to 0"),
        ("optimizer.generator.betas=[0.5,2]", "optimizer.generator.betas.1 = 2: input should be less than 1"),
        ("optimizer.warmup=-1", "optimizer.warmup = -1: input should be greater than or equal to 0"),
        ("optimizer.schedule=step", "optimizer.schedule = 'step': input should be 'constant', 'linear' or 'cosine'"),
        ("data.holdout=-1", "data.holdout = -1: input should be greater than or equal to 0"),
        ("data.holdout=14", "has 14 training images; hold out fewer"),
        ('every.evaluate=["tests"]', "every.evaluate.0 = 'tests': input should be 'train', 'valid' or 'test'"),
        ('start.run=""', "start.run = '': string should have at least 1 character"),
        ("start.runs=x", "unknown key start.runs; did you mean run?"),
        ('start={frozen=["generator"]}', "start.run is missing; add it"),
        ("data.labels=Smiling", """data.labels = 'Smiling': expected a list, like ["Smiling", "Male"]"""),
        ("data.labels=[Smiling,Male]", """expected a list with its words in quotes, like ["Smiling", "Male"]"""),
        ("networks.generator.channels=64", "networks.generator.channels = 64: expected a list, like [64, 128]"),
        ("data.size=0", "data.size = 0: input should be greater than 0"),
        ("data.labels=[3]", "data.labels.0 = 3: input should be a valid string"),
        ("expect.parameters.generator=-1", "expect.parameters.generator = -1: input should be greater than 0"),
        ("expect.layers.generator=[0]", "expect.layers.generator.0 = 0: input should be greater than 0"),
        ("steps=true", "steps is true or false, where a number is expected"),
        ("data.size=true", "data.size is true or false, where a number is expected"),
        ("optimizer.generator.lr=true", "optimizer.generator.lr is true or false"),
        ("networks.generator.channels=[true]", "networks.generator.channels.0 is true or false"),
        ("expect.parameters.generator=true", "expect.parameters.generator is true or false"),
    ],
)
def test_numbers_and_words_out_of_range(change: str, said: str, refused: Refused) -> None:
    assert said in refused("gan", *setting(change))


@pytest.mark.parametrize(
    ("family", "change", "said"),
    [
        ("gan", "optimizer.momentum=0.9", 'optimizer: momentum = 0.9 does nothing beside name = "adam"; leave it at'),
        ("vae", "optimizer={name='sgd', betas=[0.5,0.9]}", 'betas = [0.5, 0.9] does nothing beside name = "sgd"'),
        ("gan", "optimizer.generator={momentum=0.9}", 'generator.momentum = 0.9 does nothing beside name = "adam"'),
        ("gan", "optimizer.generator={name='sgd', betas=[0.5,0.9]}", "generator.betas = [0.5, 0.9] does nothing"),
        ("wgan", "objective.clip=0.1", 'clip = 0.1 does nothing beside lipschitz = "penalty"; leave it at 0.01'),
        (
            "r3gan",
            "objective={r1_weight=0, r2_weight=0, penalty_every=4, code={noise=3}, family='r3gan'}",
            "penalty_every = 4 does nothing beside r1_weight = 0 and r2_weight = 0",
        ),
        ("vae", "objective.kl_steps=9", 'kl_steps = 9 does nothing beside kl_schedule = "constant"; leave it at 0'),
        ("vae", "objective.kl_rise=0.9", 'kl_rise = 0.9 does nothing beside kl_schedule = "constant"; leave it at 0.5'),
        ("gan", "objective.code.labels=onehot", "does nothing beside a family that gives its generator no labels"),
        ("wgan", "objective.code.labels=onehot", 'labels = "onehot" does nothing beside'),
        ("infogan", "objective.code.labels=onehot", 'labels = "onehot" does nothing beside'),
        (
            "gan",
            "networks.generator={kind='deconvolution', channels=[8,4], norm='none', end_norm=true}",
            'networks.generator: end_norm = true does nothing beside norm = "none"; leave it at false',
        ),
        (
            "gan",
            "networks.discriminator={kind='mlp', widths=[4], output='tanh'}",
            'output = "tanh" does nothing in a network that reads images; leave it at "none"',
        ),
    ],
)
def test_a_value_that_would_do_nothing(family: str, change: str, said: str, refused: Refused) -> None:
    assert said in refused(family, *setting(change))


def test_a_value_that_is_of_use_to_some_player_and_a_default_that_is_of_none_are_taken(tiny: Any) -> None:
    tiny("gan", optimizer={"betas": [0.5, 0.9], "generator": {"name": "sgd", "momentum": 0.9}})
    tiny("gan", optimizer={"momentum": 0.9, "generator": {"name": "rmsprop"}})
    tiny("gan", optimizer={"name": "sgd", "betas": [0.9, 0.999]})
    tiny("wgan", **{"objective.clip": 0.01, "objective.lipschitz": "penalty"})


@pytest.mark.parametrize("words", [["--start", "nowhere"], ["--out", "file/run"]])
def test_folders_that_cannot_be_used_are_refused_before_anything_is_packed(
    words: list[str], simulacra: Run, recipe_file: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = recipe_file("gan")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("in the way", "utf-8")
    ended = simulacra("train", recipe, "--data", "avatars", "--out", "out/run", "--no-cache", *words)
    assert ended.code == 2
    said = {"--start": "start.run: nowhere holds no run", "--out": "file/run cannot be written (file is a file); give"}
    assert said[words[0]] in ended.err.replace(f"{tmp_path}/", "")
    assert not (tmp_path / "out").exists()


def test_a_network_that_cannot_be_is_refused_before_anything_is_packed(
    simulacra: Run, recipe_file: Any, tmp_path: Path
) -> None:
    words = ["train", recipe_file("gan"), "--data", "avatars", "--out", tmp_path / "out" / "run", "--no-cache"]
    ended = simulacra(*words, "--set", "data.size=30", "--set", "networks.generator.channels=[8,8,8,8]")
    assert ended.code == 2
    assert "found 30x30: use 16x16 or 32x32" in ended.err
    assert not (tmp_path / "out").exists()
