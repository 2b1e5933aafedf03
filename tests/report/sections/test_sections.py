"""The part of a run: its summary, the findings of its diagnosis, its set-up, and what all pictures have in common."""

import numpy as np
import pytest

from simulacra.recipe import load


def test_a_picture_of_an_unknown_name_is_shown_as_it_is(fake, shown) -> None:
    page = shown(code_sweep={"images": fake.noise(3, 5, 8, 8, 1)}, confusion={"counts": np.eye(3)})
    assert "Code sweep" in page.sections
    assert "pictures/confusion.npz is left out" in page.gaps


@pytest.mark.parametrize(
    ("origin", "drawn", "sentence"),
    [
        ({}, None, ""),
        ({"step": 2000, "weights": "ema"}, None, ""),
        ({"step": 2000, "weights": "averaged"}, None, ""),  # as earlier versions wrote it
        ({"step": 1000, "weights": "ema"}, None, "This was measured at update 1,000."),
        ({"step": 1000, "weights": "ema"}, 1000, ""),
        ({"step": 2000}, 1000, "This was measured at update 2,000."),
        (
            {"step": 1000, "weights": "raw", "against": "f00d"},
            None,
            "This was measured at update 1,000, with the raw weights and against another data set.",
        ),
    ],
)
def test_a_picture_says_where_it_differs_from_the_run_s(origin, drawn, sentence, fake, run) -> None:
    run.write_facts({} if drawn is None else {"drawn": drawn})
    run.write_recipe(load("celeba-dcgan-bn", {"steps": 2000, "ema": 0.9}))
    arrays = {"matrix": np.eye(2), "codes": np.array(["a", "b"]), "judged": np.array(["Hat", "Bag"])}
    run.write_picture("code-labels", arrays | {key: np.array(value) for key, value in origin.items()}, b"")
    section = fake.report(run).sections["What the codes say about labels"]
    assert sentence in section
    assert ("This was measured" in section) == bool(sentence)


FINDING = {
    "issue": "mode-collapse",
    "name": "mode collapse",
    "severity": "serious",
    "meaning": "Images are alike.",
    "remedy": "a slower generator.",
}


def test_the_summary_says_what_was_trained_on_what_and_how_long(written) -> None:
    for words in (
        "a generative adversarial network (GAN) with 11,264 parameters",
        "40,000 training images from celeba",
        "8×8 colour",
        "2,000 updates (256,000 images and 6.4 epochs) in 6 min 40 s on cpu",
        "MSE 0.01970 (test split)",
    ):
        assert words in written.text


@pytest.mark.parametrize("key", ["message", "said"])
def test_findings_stand_above_the_sections(key, fake, run) -> None:
    evidence = [{key: "difference <b> 0.1, below 0.35 at step 900"}]
    run.write_facts(
        {"findings": [FINDING | {"evidence": evidence}], "best": {"step": 900, "metric": "mse", "value": 0.02}}
    )
    (note,) = fake.report(run).notes[-1:]
    assert note == (
        "What the diagnosis found Mode collapse (serious). Images are alike. Try a slower generator. "
        "Evidence: difference <b> 0.1, below 0.35 at step 900. The best checkpoint is at update 900. "
        "Reconstruction error (MSE) of validation images is 0.02000 there. Commands take it with --step best."
    )


def test_a_run_without_findings_has_no_such_box(written) -> None:
    assert "What the diagnosis found" not in written.text


@pytest.mark.parametrize("findings", [None, "none", [3], [{}], [{"name": "x", "evidence": 3}]])
def test_findings_that_make_no_sense_stop_no_report(findings, fake, run) -> None:
    run.write_facts({"findings": findings})
    assert fake.report(run).sections


def test_the_recipe_shows_what_differs_from_the_defaults_and_from_the_shipped_one(written) -> None:
    changed = written.table("key", "value", "default")
    assert changed["optimizer.betas"] == ["0.5, 0.999", "0.9, 0.999"]
    assert "optimizer.lr" not in changed
    assert written.table("key", "here", "in celeba-dcgan-bn") == {"steps": ["2,000", "31,300"]}
    assert "simulacra train celeba-dcgan-bn" in written.sections["Recipe"]


def test_networks_are_tables_with_their_sums(written) -> None:
    assert written.table("player", "networks that it updates")["discriminator"] == ["discriminator", "11,264"]
    assert written.table("layer", "output shape")["total"] == ["", "11,264"]
