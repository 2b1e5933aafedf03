"""Illnesses made on purpose by real trainings are found, and sound trainings are called ill of nothing."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulacra.diagnosis import CHECKS, Finding, diagnose
from simulacra.errors import Diverged
from simulacra.objectives import FAMILIES
from simulacra.recipe import read_table
from simulacra.runs import RunFolder
from simulacra.verbs import drive
from simulacra.verbs.train import train

SIDE, COUNT, HELD_OUT = 8, 500, 100
KINDS = ["blob", "upright", "flat"]

SEES = {"kind": "convolution", "channels": [16, 32], "norm_first": False}
MAKES = {"kind": "deconvolution", "channels": [32, 16]}
GAME = {
    "objective": {"code": {"noise": 8}, "real_label": 0.9},
    "networks": {"generator": MAKES, "discriminator": SEES},
    "optimizer": {"lr": 1e-3, "betas": [0.5, 0.999], "generator": {"lr": 2e-3}},
}
CLASSES = {"labels": KINDS, "exclusive": True}

# A recipe of every family that learns these images within seconds; the author of a new family adds a row.
SOUND: dict[str, dict[str, Any]] = {
    "vae": {
        "objective": {"latent": 4, "reduction": "sum"},
        "networks": {"encoder": SEES, "decoder": MAKES},
        "optimizer": {"lr": 2e-3},
    },
    "gan": GAME,
    "acgan": GAME | {"data": CLASSES},
    "infogan": GAME | {"objective": {"code": {"noise": 8, "categorical": [3]}, "real_label": 0.9}},
    "wgan": {
        "objective": {"code": {"noise": 8}, "critic_steps": 2, "weights": "he"},
        "networks": {"generator": MAKES, "critic": SEES | {"norm": "none", "bias": True}},
        "optimizer": {"lr": 1e-3, "betas": [0.0, 0.9]},
    },
    "r3gan": {
        "objective": {"code": {"noise": 8}, "weights": "he"},
        "networks": {"generator": MAKES | {"norm": "none"}, "discriminator": SEES | {"norm": "none", "bias": True}},
        "optimizer": {"lr": 1e-3, "betas": [0.0, 0.99]},
    },
    "classifier": {
        "data": CLASSES,
        "objective": {},
        "networks": {"encoder": SEES | {"dropout": 0.2}},
        "optimizer": {"lr": 1e-3},
    },
}


def blobs(count: int) -> tuple[Any, Any]:
    """Blobs and bars (n, 8, 8, 1) uint8 of random place and width, and which of the three kinds each is."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:SIDE, :SIDE]
    across, down = random.uniform(1.5, SIDE - 2.5, (2, count, 1, 1))
    width, kinds = random.uniform(1.0, 2.0, (count, 1, 1)), random.integers(0, 3, count)
    a, b = ((x - across) / width) ** 2, ((y - down) / width) ** 2
    far = np.select([(kinds == 0)[:, None, None], (kinds == 1)[:, None, None]], [a + b, a], b)
    return (255 * np.exp(-far)).astype(np.uint8)[..., None], kinds


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory, make_store_in: Callable[..., Path]) -> Callable[[int], Path]:
    """stores(motifs): a store of blobs, made once; with so many different training images, if a number is given."""
    home, kept = tmp_path_factory.mktemp("stores"), dict[int, Path]()

    def get(motifs: int) -> Path:
        if motifs not in kept:
            options = {"labels": tuple(KINDS), "exclusive": True, "held_out": HELD_OUT, "seed": motifs}
            path = make_store_in(home, COUNT, (SIDE, SIDE, 1), name=str(motifs), **options)
            (images, kinds), source = blobs(COUNT), np.arange(COUNT)
            if motifs:
                source[2 * HELD_OUT :] = 2 * HELD_OUT + source[2 * HELD_OUT :] % motifs
            np.save(path / "images.npy", images[source])
            np.save(path / "labels.npy", np.eye(3, dtype=np.uint8)[kinds[source]])
            kept[motifs] = path
        return kept[motifs]

    return get


@pytest.fixture
def trained(
    stores: Callable[[int], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> Callable[..., tuple[RunFolder, list[str]]]:
    """trained(family, motifs=, steps=, **changes): a finished run, and what was said of it meanwhile."""
    drawn = drive.draw
    monkeypatch.setattr(drive, "draw", lambda run, subject: drawn(run, subject, ("samples",)))

    def make(family: str, motifs: int = 0, steps: int = 160, **changes: Any) -> tuple[RunFolder, list[str]]:
        if family not in SOUND:
            pytest.fail(f"family {family} has no row in SOUND; add a small recipe that learns blobs")
        part = json.loads(json.dumps(SOUND[family]))
        table = part | {
            "title": f"sound {family}",
            "steps": steps,
            "seed": seed,
            "data": {"name": "made", "size": SIDE, "channels": 1, "batch": 16} | part.get("data", {}),
            "objective": {"family": family} | part["objective"],
            "every": {"log": 10, "checkpoint": 50, "keep": 1, "epochs": [1]},
        }
        said = list[str]()
        run = RunFolder(tmp_path / "run")
        train(read_table(table, family, changes), str(stores(motifs)), run.path, report=False, say=said.append)
        return run, said

    return make


def issues(findings: list[Finding]) -> dict[str, str]:
    """Illness -> severity of what is more than a note."""
    return {finding.issue: finding.severity for finding in findings if finding.severity != "note"}


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_a_sound_training_is_called_ill_of_nothing(family, trained, capsys) -> None:
    run, said = trained(family)
    assert issues(diagnose(run)) == {}
    assert not any("docs/diagnosis.md" in line for line in [*said, *capsys.readouterr().err.splitlines()])


ILL = {
    "discriminator-wins": ("gan", {"optimizer.discriminator.lr": 1e-2, "optimizer.generator.lr": 1e-6}),
    "generator-wins": ("gan", {"optimizer.discriminator.lr": 1e-7}),
    # A critic that hardly learns: the generator settles on the one image that this critic likes best.
    "mode-collapse": ("wgan", {"optimizer.critic.lr": 1e-6, "optimizer.generator.lr": 1e-2}),
}


@pytest.mark.parametrize("issue", sorted(ILL))
def test_an_issue_that_was_made_is_found_and_told_once(issue, trained, capsys) -> None:
    family, changes = ILL[issue]
    run, said = trained(family, **changes)
    assert issue in issues(diagnose(run))
    told = [line for line in [*said, *capsys.readouterr().err.splitlines()] if f"docs/diagnosis.md#{issue}" in line]
    assert len(told) == 1
    assert issue in {one["issue"] for one in run.read_facts()["findings"]}


def test_players_that_run_in_circles_are_found(trained) -> None:
    changes = {
        "optimizer.lr": 1e-2,
        "optimizer.generator.lr": 1e-2,
        "optimizer.betas": [0.9, 0.99],
        "objective.loss": "hinge",
        "objective.real_label": 1.0,
    }
    run, _ = trained("gan", steps=300, **changes)
    assert "oscillation" in issues(diagnose(run))


@pytest.mark.parametrize("family", ["vae", "classifier"])
def test_a_few_images_that_are_learned_by_heart_are_found(family, trained) -> None:
    run, _ = trained(family, motifs=6, **({"objective.kl_weight": 0.01} if family == "vae" else {}))
    assert issues(diagnose(run)) == {"overfitting": "warning"}


def test_a_training_that_diverged_says_where(trained, tmp_path) -> None:
    with pytest.raises(Diverged, match="stopped being finite"):
        trained("vae", **{"optimizer.lr": 1e3})
    run = RunFolder(tmp_path / "run")
    (finding,) = diagnose(run)
    assert (finding.issue, finding.severity) == ("divergence", "serious")
    assert finding.evidence[0].last <= 10, "before the first row"
    assert "--set optimizer.lr=0.001" in finding.remedy
    assert [one["issue"] for one in run.read_facts()["findings"]] == ["divergence"]


def test_a_loss_that_ran_away_is_a_divergence_though_every_number_is_finite(trained) -> None:
    run, _ = trained("classifier", **{"optimizer.lr": 1e3})
    assert run.read_facts()["state"] == "finished"
    assert "divergence" in issues(diagnose(run))


def test_what_a_finding_says_names_curve_numbers_remedy_and_page(trained, simulacra, capsys) -> None:
    run, said = trained("vae", **{"objective.kl_weight": 100})
    told = [line for line in [*said, *capsys.readouterr().err.splitlines()] if "docs/diagnosis.md" in line]
    assert len(told) == 1, "once, though it was there at every look since"
    assert told[0].startswith("serious: posterior collapse (kl/train in metrics.jsonl")
    ended = simulacra("diagnose", run.path, code=0)
    assert "posterior collapse (serious)" in ended.out
    assert "kl/train in metrics.jsonl" in ended.out
    assert "below 0.693 from step" in ended.out
    assert "--set objective.kl_weight=10," in ended.out
    assert "docs/diagnosis.md#posterior-collapse" in ended.out
    found = json.loads(simulacra("diagnose", run.path, "--json").out)
    assert {"issue", "severity", "evidence", "meaning", "remedy", "link", "name"} == set(found[0])
    assert [one["issue"] for one in run.read_facts()["findings"]] == [one["issue"] for one in found]


def test_every_issue_is_explained_under_its_anchor() -> None:
    page = (Path(__file__).parents[2] / "docs" / "diagnosis.md").read_text("utf-8")
    anchors = [line[3:].strip().lower().replace(" ", "-") for line in page.splitlines() if line.startswith("## ")]
    assert set(CHECKS) <= set(anchors)


def test_the_diagnosis_loads_no_torch() -> None:
    code = "import sys, simulacra.diagnosis; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
