"""What a diagnosis found, at the top of a report."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from simulacra.report import write_report

FINDING = {
    "illness": "mode-collapse",
    "name": "mode collapse",
    "severity": "serious",
    "meaning": "Images are alike.",
    "remedy": "a slower generator.",
    "evidence": [{"said": "difference <b> 0.1, below 0.35 at step 900"}],
}


def test_findings_stand_above_everything_else(tmp_path: Path, fake: SimpleNamespace) -> None:
    run = fake.run(tmp_path / "run", full=False, findings=[FINDING], best={"step": 900, "metric": "mse", "value": 0.02})
    page = write_report([run]).read_text("utf-8")
    assert page.index("What a diagnosis found") < page.index("<nav")
    assert "<strong>Mode collapse</strong> (serious). Images are alike. Try a slower generator." in page
    assert "Seen by: difference &lt;b&gt; 0.1, below 0.35 at step 900." in page
    assert "The best checkpoint is that of update 900" in page
    assert "By reconstruction error (MSE) on valid images, 0.02000: --step best takes it." in page


def test_a_run_without_findings_has_no_such_box(written: SimpleNamespace) -> None:
    assert "What a diagnosis found" not in written.html


@pytest.mark.parametrize("findings", [None, "none", [3], [{}], [{"name": "x", "evidence": 3}]])
def test_findings_that_make_no_sense_stop_no_report(findings: object, tmp_path: Path, fake: SimpleNamespace) -> None:
    assert write_report([fake.run(tmp_path / "run", full=False, findings=findings)]).is_file()
