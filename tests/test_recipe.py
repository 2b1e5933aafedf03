"""A recipe: complete data, and every mistake in it told in one sentence with key and remedy."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as some

from simulacra.errors import RecipeError
from simulacra.recipe import Recipe, load, of_this_version, parse_assignment, read_table, shipped, to_table, to_toml

MakeRecipe = Callable[..., Recipe]


def refusal(recipe: Recipe, changes: dict[str, Any]) -> str:
    """The sentence that a change is refused with."""
    with pytest.raises(RecipeError) as caught:
        recipe.with_changes(changes)
    sentence = str(caught.value).removeprefix("the recipe: ")
    assert "\n" not in sentence
    assert "pydantic" not in sentence
    return sentence


def test_a_recipe_comes_back_from_toml_as_it_was(family: str, tiny: MakeRecipe) -> None:
    recipe = tiny(family, **{"optimizer.lr": 1e-5, "minutes": 0.5, "every.keep": 0})
    assert read_table(tomllib.loads(to_toml(recipe)), "", {}) == recipe


def test_an_optimizer_of_one_player_comes_back_from_toml(tiny: MakeRecipe) -> None:
    recipe = tiny("gan", **{"optimizer.generator.lr": 1e-3, "optimizer.generator.betas": [0.0, 0.9]})
    assert read_table(tomllib.loads(to_toml(recipe)), "", {}) == recipe
    assert tomllib.loads(to_toml(recipe))["optimizer"]["generator"] == {"lr": 1e-3, "betas": [0.0, 0.9]}


@given(title=some.text(), label=some.text(min_size=1), lr=some.floats(1e-12, 1e3))
def test_any_text_and_number_survive_toml(title: str, label: str, lr: float) -> None:
    recipe = load("demo-acgan", {"title": title, "data.labels": [label], "optimizer.lr": lr, "expect": {}})
    assert read_table(tomllib.loads(to_toml(recipe)), "", {}) == recipe


def test_a_recipe_cannot_be_changed_in_place(tiny: MakeRecipe) -> None:
    recipe: Any = tiny("gan")
    with pytest.raises(ValueError, match="frozen"):
        recipe.steps = 3


def test_with_changes_leaves_the_recipe_itself_alone(tiny: MakeRecipe) -> None:
    recipe = tiny("gan")
    assert recipe.with_changes({"data.batch": 2}).data.batch == 2
    assert recipe.data.batch == 4


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("step", "unknown key step; did you mean steps?"),
        ("average", "unknown key average; it is called ema now"),
        ("data.bacth", "unknown key data.bacth; did you mean batch?"),
        ("objective.kl_wieght", "unknown key objective.kl_wieght; did you mean kl_weight?"),
        ("networks.encoder.chanels", "unknown key networks.encoder.chanels; did you mean channels?"),
        ("networks.decoder.chanels", "unknown key networks.decoder.chanels; did you mean channels?"),
        ("optimizer.beta", "unknown key optimizer.beta; did you mean betas?"),
        ("every.checkpoints", "unknown key every.checkpoints; did you mean checkpoint?"),
        ("expect.parameter", "unknown key expect.parameter; did you mean parameters?"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known_one(key: str, said: str, tiny: MakeRecipe) -> None:
    assert refusal(tiny("vae"), {key: 1}) == said


def test_an_unknown_key_of_a_player_or_a_code_is_refused_with_the_nearest_known_one(tiny: MakeRecipe) -> None:
    assert refusal(tiny("gan"), {"objective.code.nois": 1}).endswith("did you mean noise?")
    assert "did you mean lr?" in refusal(tiny("gan"), {"optimizer.generator.lrr": 1})
    assert "did you mean generator?" in refusal(tiny("gan"), {"optimizer.generater.lr": 1})
    assert "did you mean generator?" in refusal(tiny("gan"), {"expect.parameters.generater": 1})


def test_an_unknown_key_that_is_near_none_is_refused_with_all(tiny: MakeRecipe) -> None:
    assert refusal(tiny("vae"), {"data.zzz": 1}) == (
        "unknown key data.zzz; known: batch, channels, exclusive, flip, holdout, labels, name, order, size, source"
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("steps", 0),
        ("steps", 10**21),
        ("steps", -5),
        ("steps", 1.5),
        ("steps", "many"),
        ("seed", -1),
        ("minutes", 0),
        ("minutes", float("nan")),
        ("minutes", float("inf")),
        ("precision", "float16"),
        ("data.batch", 0),
        ("data.size", 0),
        ("data.size", "64by64"),
        ("data.size", "0x64"),
        ("data.channels", 2),
        ("data.flip", "perhaps"),
        ("data.labels", "some"),
        ("objective.latent", 0),
        ("objective.kl_weight", -0.1),
        ("objective.kl_weight", float("nan")),
        ("objective.reduction", "max"),
        ("networks.encoder.channels", []),
        ("networks.encoder.channels", [4, 0]),
        ("networks.encoder.kernel", 0),
        ("networks.encoder.stem", 2),
        ("networks.encoder.dropout", 1.0),
        ("networks.encoder.dropout", -0.1),
        ("networks.encoder.slope", -1),
        ("networks.encoder.norm", "layer"),
        ("networks.encoder.activation", "gelu"),
        ("networks.encoder.head", "linear"),
        ("optimizer.name", "lion"),
        ("optimizer.lr", 0),
        ("optimizer.lr", -1e-4),
        ("optimizer.lr", float("inf")),
        ("optimizer.betas", [0.5, 1.0]),
        ("optimizer.betas", [0.9, -0.1]),
        ("optimizer.momentum", 1.0),
        ("optimizer.weight_decay", -1),
        ("every.log", 0),
        ("every.checkpoint", 0),
        ("every.keep", -1),
        ("every.epochs", [0]),
        ("expect.parameters", {"autoencoder": 0}),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_with_key_and_value(key: str, value: Any, tiny: MakeRecipe) -> None:
    sentence = refusal(tiny("vae"), {key: value})
    assert sentence.startswith(key), sentence
    shown = value[-1] if isinstance(value, list) and value else value
    shown = next(iter(shown.values())) if isinstance(shown, dict) else shown
    assert repr(shown) in sentence, sentence


@pytest.mark.parametrize(
    ("family", "key", "value", "said"),
    [
        ("gan", "objective.real_label", 0.5, "greater than 0.5"),
        ("gan", "objective.discriminator_steps", 0, "greater than 0"),
        ("gan", "objective.code.noise", 0, "greater than 0"),
        ("gan", "objective.code.distribution", "cauchy", "'normal' or 'uniform'"),
        ("acgan", "objective.label_weight", -1, "greater than or equal to 0"),
        ("acgan", "objective.code.labels", "text", "'binary' or 'onehot'"),
    ],
)
def test_a_value_is_refused_with_what_is_allowed(
    family: str, key: str, value: Any, said: str, tiny: MakeRecipe
) -> None:
    sentence = refusal(tiny(family), {key: value})
    assert sentence.startswith(f"{key} = {value!r}: "), sentence
    assert said in sentence


def test_a_key_that_is_missing_is_named(tiny: MakeRecipe) -> None:
    table = to_table(tiny("vae"))
    del table["steps"]
    with pytest.raises(RecipeError, match="mine: steps is missing; add it"):
        read_table(table, "mine", {})
    table = to_table(tiny("gan"))
    del table["objective"]["code"]["noise"]
    with pytest.raises(RecipeError, match=r"mine: objective\.code\.noise is missing; add it"):
        read_table(table, "mine", {})


@pytest.mark.parametrize("table", ["data", "objective", "networks"])
def test_a_table_that_is_missing_is_named(table: str, tiny: MakeRecipe) -> None:
    whole = to_table(tiny("vae"))
    del whole[table]
    with pytest.raises(RecipeError, match=f"mine: {table} is missing; add it"):
        read_table(whole, "mine", {})


def test_a_family_or_kind_that_is_unknown_is_refused_with_all(tiny: MakeRecipe) -> None:
    sentence = refusal(tiny("vae"), {"objective.family": "vea"})
    assert sentence.startswith("objective.family is 'vea'; expected one of ")
    assert "vae" in sentence
    sentence = refusal(tiny("vae"), {"networks.encoder.kind": "cnn"})
    assert sentence.startswith("networks.encoder.kind is 'cnn'; expected one of ")


def test_a_family_or_kind_that_is_missing_is_named(tiny: MakeRecipe) -> None:
    table = to_table(tiny("vae"))
    del table["objective"]["family"]
    with pytest.raises(RecipeError, match=r"objective\.family is missing; add it"):
        read_table(table, "mine", {})
    table = to_table(tiny("vae"))
    del table["networks"]["encoder"]["kind"]
    with pytest.raises(RecipeError, match=r"networks\.encoder\.kind is missing; add it"):
        read_table(table, "mine", {})


def test_a_network_that_the_family_needs_is_asked_for(family: str, tiny: MakeRecipe) -> None:
    recipe = tiny(family)
    for name in recipe.objective.needs:
        table = to_table(recipe)
        del table["networks"][name]
        with pytest.raises(RecipeError, match=rf"family {family} needs a table \[networks\.{name}\]; add it"):
            read_table(table, "mine", {})


def test_a_network_that_the_family_does_not_have_is_refused(family: str, tiny: MakeRecipe) -> None:
    sentence = refusal(tiny(family), {"networks.critics": {"kind": "mlp", "widths": [3]}})
    assert sentence.startswith(f"[networks.critics] is no network of family {family}; ")


def test_a_family_that_needs_labels_asks_for_them(tiny: MakeRecipe) -> None:
    assert "family acgan needs data.labels; name some" in refusal(tiny("acgan"), {"data.labels": []})


def test_a_label_named_twice_is_refused(tiny: MakeRecipe) -> None:
    assert "Smiling" in refusal(tiny("acgan"), {"data.labels": ["Smiling", "Smiling"]})


def test_a_checkpoint_is_a_multiple_of_a_row_or_goes_on_exactly_all_the_same(tiny: MakeRecipe) -> None:
    assert tiny("vae", **{"every.log": 2, "every.checkpoint": 3}).every.checkpoint == 3


def test_a_change_below_a_value_is_refused(tiny: MakeRecipe) -> None:
    sentence = refusal(tiny("vae"), {"steps.more": 3})
    assert sentence.startswith("steps.more: steps is a value, not a table")


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("objective.kl_weight=0.25", "objective.kl_weight", 0.25),
        ("steps=1_000", "steps", 1000),
        ("optimizer.lr=2e-4", "optimizer.lr", 2e-4),
        ("data.flip=true", "data.flip", True),
        ("optimizer.betas=[0.5, 0.9]", "optimizer.betas", [0.5, 0.9]),
        ("objective.family=gan", "objective.family", "gan"),
        ('title="a = b"', "title", "a = b"),
        ("title=a = b", "title", "a = b"),
        ("data.size=96x64", "data.size", "96x64"),
        ('data.labels=["Smiling"]', "data.labels", ["Smiling"]),
        (" steps = 3 ", "steps", 3),
        ("optimizer.generator={lr=1e-4}", "optimizer.generator", {"lr": 1e-4}),
        ("title=", "title", ""),
    ],
)
def test_an_assignment_is_toml_where_it_can_be_and_text_elsewhere(text: str, key: str, value: Any) -> None:
    assert parse_assignment(text) == (key, value)


@pytest.mark.parametrize("text", ["steps", "=3", " =3", ""])
def test_an_assignment_without_key_or_sign_is_refused(text: str) -> None:
    with pytest.raises(RecipeError, match="expected key=value"):
        parse_assignment(text)


def test_too_few_betas_are_refused(tiny: MakeRecipe) -> None:
    assert refusal(tiny("vae"), {"optimizer.betas": [0.5]}) == "optimizer.betas.1 is missing; add it"


def test_a_recipe_that_does_not_ship_is_refused_with_the_nearest() -> None:
    with pytest.raises(RecipeError, match=r"no recipe 'celeba-dcgn'; did you mean celeba-dcgan"):
        load("celeba-dcgn")


def test_a_file_that_begins_with_a_byte_order_mark_is_read(tmp_path: Path, tiny: Callable[..., Recipe]) -> None:
    (tmp_path / "recipe.toml").write_bytes(b"\xef\xbb\xbf" + to_toml(tiny("vae")).encode())
    assert load(str(tmp_path / "recipe.toml")) == tiny("vae")


def test_a_file_that_is_no_recipe_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"gone\.toml cannot be read"):
        load(str(tmp_path / "gone.toml"))
    (tmp_path / "bad.toml").write_text("steps = = 3")
    with pytest.raises(RecipeError, match=r"bad\.toml is not TOML: .*line 1"):
        load(str(tmp_path / "bad.toml"))
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecipeError, match="cannot be read"):
        load(str(tmp_path / "binary.toml"))
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(RecipeError, match="cannot be read"):
        load(str(tmp_path / "folder.toml"))
    (tmp_path / "empty.toml").write_text("")
    with pytest.raises(RecipeError, match=r"empty\.toml: \w+ is missing; add it"):
        load(str(tmp_path / "empty.toml"))


def test_tables_where_values_belong_and_the_other_way_round_are_refused(tiny: MakeRecipe) -> None:
    for changes in ({"steps": {}}, {"data": 3}, {"objective": 3}, {"networks": 3}, {"networks.encoder": 3}):
        key = next(iter(changes))
        assert refusal(tiny("vae"), changes).startswith(key)
    for changes in ({"optimizer": 3}, {"optimizer.players": 3}, {"every": []}, {"objective.family": {}}):
        refusal(tiny("vae"), changes)


def test_every_shipped_recipe_loads() -> None:
    assert shipped() == sorted(shipped())
    assert all(load(name).title for name in shipped())


def test_a_recipe_of_an_earlier_version_gets_the_families_of_this_one() -> None:
    old = {"family": "gan", "code": {"noise": 3}, "joint": False, "real_label": 1.0, "discriminator_steps": 1}
    penalties = {"r1_weight": 2.0, "r2_weight": 0.5, "penalty_every": 4}
    relativistic = {"objective": old | penalties | {"loss": "relativistic"}}
    assert of_this_version(relativistic) == {"objective": {"family": "r3gan", "code": {"noise": 3}} | penalties}
    idle = {"r1_weight": 0.0, "r2_weight": 0.0, "penalty_every": 4}
    assert of_this_version({"objective": old | idle}) == {"objective": old}
    assert of_this_version({"objective": {"family": "classifier", "mixup": 0.0}}) == {
        "objective": {"family": "classifier"}
    }
    assert of_this_version({"title": "no objective"}) == {"title": "no objective"}


@pytest.mark.parametrize(
    "objective",
    [{"family": "gan", "loss": "hinge", "r1_weight": 1.0}, {"family": "classifier", "mixup": 0.2}],
)
def test_what_no_family_can_do_any_more_is_refused_and_not_dropped(objective: dict[str, Any]) -> None:
    assert of_this_version({"objective": objective}) == {"objective": objective}


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
        ("optimizer.lr=fast", "optimizer.lr is 'fast'; it must be a number"),
        ("steps=1.5", "steps is 1.5; it must be a whole number"),
        ("data.labels=[3]", "data.labels.0 is 3; it must be words in quotes"),
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
