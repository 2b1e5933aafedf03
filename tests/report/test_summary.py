"""What stands at the top of a run's part: its summary, and the findings of its diagnosis."""

from typing import Any

import pytest

from simulacra.runs import RunFolder

FINDING = {
    "issue": "mode-collapse",
    "name": "mode collapse",
    "severity": "serious",
    "meaning": "Images are alike.",
    "remedy": "a slower generator.",
}


def test_the_summary_says_what_was_trained_on_what_and_how_long(written: Any) -> None:
    for words in (
        "a generative adversarial network (GAN) with 11,264 parameters",
        "40,000 training images from celeba",
        "8×8 colour",
        "2,000 updates (256,000 images and 6.4 epochs) in 6 min 40 s on cpu",
        "MSE 0.01970 (test split)",
    ):
        assert words in written.text


@pytest.mark.parametrize("key", ["message", "said"])
def test_findings_stand_above_the_sections(key: str, fake: Any, run: RunFolder) -> None:
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


def test_a_run_without_findings_has_no_such_box(written: Any) -> None:
    assert "What the diagnosis found" not in written.text


@pytest.mark.parametrize("findings", [None, "none", [3], [{}], [{"name": "x", "evidence": 3}]])
def test_findings_that_make_no_sense_stop_no_report(findings: object, fake: Any, run: RunFolder) -> None:
    run.write_facts({"findings": findings})
    assert fake.report(run).sections
