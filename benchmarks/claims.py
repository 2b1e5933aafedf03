"""Writes docs/claims.md: the claims of the reports, each with the verdict of its study.

    python benchmarks/claims.py take studies   # keeps the results and figures of studies that were carried out there
    python benchmarks/claims.py                # writes the page from what is kept

Results are kept in benchmarks/claims/NAME.json; what a person has to say of one stands in benchmarks/claims/notes.toml.
"""

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

from PIL import Image

from simulacra.report.formatting import number, slug
from simulacra.studies.file import load_study, shipped

ROOT = Path(__file__).parents[1]
RESULTS, PAGE, IMAGES = ROOT / "benchmarks" / "claims", ROOT / "docs" / "claims.md", ROOT / "docs" / "images" / "claims"
MODES = ("full", "quick")  # the first one that there is counts
WIDTH = 640  # pixels of a figure
HEAD = """# Claims put to the test

Every claim that the reports behind this project make has a [study](studies.md). This page is written by
`benchmarks/claims.py` from the results. A verdict is about one recipe, one data set and one budget, which the command
names. *Supported* and *contradicted* are wrong in at most 5% of studies.

How to read the tables:

- **effect** is in the unit of the metric, with a two-sided 95% interval over seeds.
- **p** is the one-sided p-value of the claim, several measures corrected together (Holm). Below 0.05, the claim is
  *supported*. If the p-value of the opposite is below 0.05, the claim is *contradicted*; *p* is then above 0.95. Both
  can happen although the two-sided interval just contains 0. Otherwise, the claim is *undecided*.
- **detectable** is the smallest effect that 8 of 10 such studies would find. Read it first if a claim is *undecided*.

Samples are compared as the study's file says, usually 1,000 of them by the features of `random-vgg`.

"""
NONE = "not carried out yet"


def take(out: Path) -> list[str]:
    """Keeps the results of studies, and the figures that the notes name; gives the names of the studies."""
    notes, taken = read_notes(), []
    RESULTS.mkdir(exist_ok=True)
    for name in shipped():
        for mode in MODES:
            folder = out / name / mode
            if not (folder / "result.json").is_file():
                continue
            result = json.loads((folder / "result.json").read_text("utf-8"))
            kept = {key: value for key, value in result.items() if key not in ("runs", "page")}
            kept["failed"] = [
                {key: run[key] for key in ("case", "seed", "state", "why")}
                for run in result["runs"]
                if run["state"] != "finished"
            ]
            kept["trained"] = len(result["runs"])
            kept["minutes"] = round(sum(run["seconds"] for run in result["runs"]) / 60, 1)
            (RESULTS / f"{name}.json").write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
            if figure := notes.get(name, {}).get("figure"):
                keep_figure(folder / "figures" / f"{slug(figure)}.png", name)
            taken.append(name)
            break
    return taken


def keep_figure(source: Path, name: str) -> None:
    """Keeps a figure as a small picture."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with Image.open(source) as picture:
        small = picture.convert("RGB")
        small.thumbnail((WIDTH, WIDTH))
        small.save(IMAGES / f"{name}.webp", quality=85)


def read_notes() -> dict[str, Any]:
    """What a person says of studies: name -> figure, surprise, change."""
    path = RESULTS / "notes.toml"
    return tomllib.loads(path.read_text("utf-8")) if path.is_file() else {}


def page() -> str:
    """The text of the page."""
    results = {
        name: json.loads((RESULTS / f"{name}.json").read_text("utf-8"))
        if (RESULTS / f"{name}.json").is_file()
        else None
        for name in shipped()
    }
    rows = ["| claim | study | verdict | seeds | says |", "|---|---|---|---|---|"]
    for name, result in results.items():
        study = load_study(name)
        verdict, seeds = (result["verdict"], str(result["seeds"])) if result else (NONE, "–")
        rows.append(f"| {study.number} | [`{name}`](#{name}) | {verdict} | {seeds} | {study.claim} |")
    sections = [section(name, result, read_notes().get(name, {})) for name, result in results.items()]
    return HEAD + "\n".join(rows) + "\n\n" + "\n".join(sections)


def section(name: str, result: dict[str, Any] | None, notes: dict[str, str]) -> str:
    """The part of a study."""
    study = load_study(name)
    lines = [f"## {name}", "", f"**Claim {study.number}.** {study.claim} ({study.source})", ""]
    if result is None:
        return "\n".join([*lines, f"{NONE[0].upper()}{NONE[1:]}: `simulacra study {name}`", ""])
    lines += [f"**{result['verdict'].capitalize()}.** {counts(result)}", ""]
    lines += ["| measure | compared | effect | 95% interval | unit | p | detectable | seeds | verdict |"]
    lines += ["|---|---|---|---|---|---|---|---|---|"]
    lines += [row(one) for one in result["rows"]]
    lines.append("")
    for title, key in (("What surprised", "surprise"), ("What would change the verdict", "change")):
        if key in notes:
            lines += [f"{title}: {notes[key]}", ""]
    if (IMAGES / f"{name}.webp").is_file():
        lines += [f"![{study.claim}](images/claims/{name}.webp)", ""]
    return "\n".join([*lines, "```sh", command(name, result), "```", ""])


def counts(result: dict[str, Any]) -> str:
    """How much was trained, and what did not finish."""
    text = f"{result['trained']} runs of {result['seeds']} seeds on {result['data']}, "
    text += f"{result['minutes']:.0f} minutes of training in all, budget {result['mode']}."
    for state in sorted({run["state"] for run in result["failed"]}):
        cases = sorted({run["case"] for run in result["failed"] if run["state"] == state})
        count = sum(run["state"] == state for run in result["failed"])
        text += f" {count} runs {state} (case {', '.join(cases)})."
    return text


def row(one: dict[str, Any]) -> str:
    """A comparison as a row of a table."""
    interval = "–" if one["low"] is None else f"{number(one['low'])} to {number(one['high'])}"
    numbers = [number(one[key]) for key in ("p", "detectable")]
    cells = [one["measure"], one["comparison"], number(one["effect"]), interval, one["unit"], *numbers]
    return "| " + " | ".join([*cells, str(len(one["seeds"])), one["verdict"]]) + " |"


def command(name: str, result: dict[str, Any]) -> str:
    """The command that carries the study out again."""
    mode = " --full" if result["mode"] == "full" else ""
    data = "" if result["data"] == load_study(name).data else f" --data {result['data']}"
    return f"simulacra study {name}{mode} --seeds {result['seeds']}{data}"


def main() -> None:
    """Takes results, or writes the page."""
    if sys.argv[1:2] == ["take"]:
        print("\n".join(take(Path(sys.argv[2]))))
    PAGE.write_text(page(), "utf-8")


if __name__ == "__main__":
    main()
