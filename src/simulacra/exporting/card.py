"""The model card: README.md as model hubs read it, with what is known about the model and what is not.

Mitchell et al. 2019, "Model Cards for Model Reporting", arXiv:1810.03993; the first lines are YAML.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import simulacra
from simulacra.exporting.model import TrainedModel
from simulacra.objectives import Generates
from simulacra.report.formatting import image_shape, listed, number, percent, plain
from simulacra.report.glossary import BASELINE, of_family, of_metric

NO_LICENCE = "other"  # for model hubs: the text says which licence
COPIES = ("copies_features", "copies_pixels", "memorisation")  # metrics that say whether training images are copied


def card(trained: TrainedModel, form: str, licence: str | None = None) -> bytes:
    """The content of README.md.

    Args:
        trained: the model.
        form: the format of the export, which decides how the model is used.
        licence: identifier, like "apache-2.0"; without it, the card asks for one.
    """
    parts = [
        _front(trained, licence),
        f"# {trained.title}",
        trained.origin + ".",
        _what(trained),
        *(["![Samples, not selected by hand](samples.png)"] if trained.samples is not None else []),
        "## Use",
        _use(trained, form),
        "## Data",
        _data(trained),
        "## Numbers",
        _numbers(trained),
        "## Limits",
        "\n".join(f"- {sentence}" for sentence in _limits(trained)),
        "## Licence",
        f"{plain(licence)}."
        if licence
        else "**Not chosen yet.** To publish this model, choose a licence that the licence of the data allows. Write "
        "its identifier behind `license:` in the first lines of this file, and its text in a file LICENSE.",
    ]
    return ("\n\n".join(parts) + "\n").encode("utf-8", "replace")


def _front(trained: TrainedModel, licence: str | None) -> str:
    """The YAML between two lines of dashes; all words of a user are quoted, which YAML reads like JSON."""
    family, makes = trained.recipe.objective.family, "generate" in trained.abilities
    task = "unconditional-image-generation" if makes else "image-classification"
    lines = [
        "library_name: simulacra",
        f"pipeline_tag: {task}",
        f"license: {_quoted(licence or NO_LICENCE)}",
        *([] if licence else ["license_name: not-chosen-yet"]),
        "tags:",
        *(f"- {_quoted(tag)}" for tag in ("simulacra", family, "images")),
    ]
    rows = [row for row in trained.evaluations if not row.get("against")]  # the one data set that is named here
    if rows:
        dataset = plain(_title_of_data(trained))
        lines += [
            "model-index:",
            f"- name: {_quoted(trained.title)}",
            "  results:",
            "  - task:",
            f"      type: {task}",
            "    dataset:",
            f"      name: {_quoted(dataset)}",
            f"      type: {_quoted(dataset)}",
            "    metrics:",
        ]
        for row in rows:
            lines += [
                f"    - type: {_quoted(str(row['metric']))}",
                f"      name: {_quoted(', '.join(_of(row)))}",
                f"      value: {json.dumps(row['value'])}",
            ]
    return "\n".join(["---", *lines, "---"])


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _of(row: dict[str, Any]) -> Iterator[str]:
    """What a value was measured on, so that the value is never read without it."""
    yield of_metric(str(row["metric"])).title
    words_of = {
        "code": "{}",
        "label": "{}",
        "split": "{} images",
        "against": "against another data set",
        "n": "n = {:,}",
        "extractor": "{}",
    }
    for key, words in words_of.items():
        if row.get(key) is not None:
            yield words.format(row[key])


def _title_of_data(trained: TrainedModel) -> str:
    data = trained.facts.get("data", {})
    return str(data.get("card", {}).get("title") or trained.recipe.data.name)


def _what(trained: TrainedModel) -> str:
    recipe, facts = trained.recipe, trained.facts
    average = ", an EMA (exponential moving average) of the weights" if trained.weights == "ema" else ""
    labels = f" Its labels are {listed([plain(name) for name in trained.labels])}." if trained.labels else ""
    networks = listed([f"{plain(name)} {count:,}" for name, count in trained.parameters.items()])
    return (
        f"A {of_family(recipe.objective.family)} for images of {image_shape(recipe.data.shape)}, trained with "
        f"Simulacra {facts.get('simulacra', simulacra.__version__)}: "
        f"update {trained.step:,} of {_last_step(trained):,}, {recipe.data.batch} images per update{average}.{labels} "
        f"Parameters: {networks}."
    )


def _last_step(trained: TrainedModel) -> int:
    """The update with which the training ends; of a training by minutes, the last one so far."""
    return int(trained.facts.get("step", trained.step)) if trained.recipe.minutes else trained.recipe.steps


def _use(trained: TrainedModel, form: str) -> str:
    """How to use the files of this format; each block runs as it stands, in the folder of the export."""
    more = (
        "`config.json` holds the recipe, the layout of a code, the names of the labels, and how labels occur together."
    )
    return "\n".join([*USES[form](trained), "", more])


def _fenced(language: str, lines: Iterable[str]) -> list[str]:
    return [f"```{language}", *lines, "```"]


def _with_simulacra(trained: TrainedModel) -> list[str]:
    """Python with Simulacra, in the folder of the export."""
    height, width, channels = trained.recipe.data.shape
    code = ["import numpy as np", "import simulacra as sm", "", 'model = sm.load(".")  # this folder']
    if "generate" in trained.abilities:
        code += [
            f"images = model.sample(8)  # (8, {height}, {width}, {channels}), uint8",
            f"images = model.decode(np.zeros((1, {trained.subject.generates.code.width}), np.float32))  # of a code",
        ]
        if trained.subject.generates.code.labels:
            asked = json.dumps({trained.labels[0]: 1}, ensure_ascii=False)
            code.append(f"images = model.sample(8, labels={asked})  # all with this label")
    else:
        code.append(f"images = np.zeros((1, {height}, {width}, {channels}), np.uint8)  # your pictures, or their files")
    if "encode" in trained.abilities:
        code.append("codes = model.encode(images)  # (n, width), float32; files of pictures are taken too")
    if "classify" in trained.abilities:
        code.append("probabilities = model.classify(images)  # (n, labels), in [0, 1]")
    return _fenced("python", code)


def _with_simulacra_as_run(trained: TrainedModel) -> list[str]:
    """The same, and commands: the folder is a run."""
    commands = ["simulacra report . --out report-of-export.html"]
    if "generate" in trained.abilities:
        commands.insert(0, "simulacra sample . -n 8 --out more-samples.png")
    return [*_with_simulacra(trained), "", *_fenced("sh", commands)]


def _with_onnx(trained: TrainedModel) -> list[str]:
    """Python with ONNX Runtime alone."""
    height, width, channels = trained.recipe.data.shape
    code = ["import json", "from pathlib import Path", "", "import numpy as np", "import onnxruntime", ""]
    objective = trained.subject.objective
    if isinstance(objective, Generates):
        code += [
            'config = json.loads(Path("config.json").read_text("utf-8"))',
            'code = config["code"]',
            'codes = np.zeros((8, code["width"]), np.float32)',
            *_filled_codes(trained),
            f'session = onnxruntime.InferenceSession("{objective.maker}.onnx")',
            f'images = session.run(None, {{"codes": codes}})[0]  # (8, {channels}, {height}, {width}), from -1 to 1',
        ]
    else:
        code.append(f"images = np.zeros((1, {channels}, {height}, {width}), np.float32)  # from -1 to 1")
    for ability, name, output in (("encode", "encoder", "codes"), ("classify", "classifier", "logits")):
        if ability in trained.abilities:
            code += [
                f'session = onnxruntime.InferenceSession("{name}.onnx")',
                f'{output} = session.run(None, {{"images": images}})[0]',
            ]
    return _fenced("python", code if isinstance(objective, Generates) else code[3:])


def _filled_codes(trained: TrainedModel) -> list[str]:
    """Lines that fill codes of zeros: noise, then labels as they occur together, then the first categories."""
    code = trained.subject.generates.code
    draw = "standard_normal((8, {}))" if code.distribution == "normal" else "uniform(-1, 1, (8, {}))"
    noise = draw.format('code["noise"]')
    lines = [f'codes[:, : code["noise"]] = np.random.default_rng(0).{noise}']
    column = code.noise
    if code.labels:
        lines.append(f'labels = np.resize([list(map(int, row)) for row in config["conditions"]], (8, {code.labels}))')
        given = "np.stack([1 - labels, labels], 2).reshape(8, -1)" if code.doubled else "labels"
        lines.append(f"codes[:, {column} : {column + code.widths[1]}] = {given}")
        column += code.widths[1]
    for ways in code.categorical:
        lines.append(f"codes[:, {column}] = 1  # the first of {ways} categories")
        column += ways
    return lines


def _with_browser(trained: TrainedModel) -> list[str]:
    """A file server, and the page in a browser."""
    lines = _fenced("sh", ["python -m http.server 8000"])
    return [*lines, "", "Run this in the folder of the export, then open http://localhost:8000 in a browser."]


# Format -> lines about its use.
USES: dict[str, Callable[[TrainedModel], list[str]]] = {
    "safetensors": _with_simulacra,
    "onnx": _with_onnx,
    "web": _with_browser,
    "folder": _with_simulacra_as_run,
}


def _data(trained: TrainedModel) -> str:
    data = trained.facts.get("data", {})
    notes, counts = data.get("card", {}), data.get("counts", {})
    split = listed([f"{count:,} {name}" for name, count in counts.items() if count])
    lines = [f"- Name: {plain(_title_of_data(trained))}", f"- Images: {split or 'not recorded'}"]
    lines.append(f"- Licence of the data: {plain(notes.get('licence') or 'unknown; ask the authors of the pictures')}")
    if data.get("fingerprint"):
        lines.append(f"- Fingerprint of the packed data: `{plain(data['fingerprint'])}`")
    lines += [f"- {plain(note)}" for note in notes.get("notes", [])]
    shares = data.get("label_frequencies", {})
    if trained.labels and shares:
        rows = [f"| {_cell(name)} | {percent(shares.get(name))} |" for name in trained.labels]
        lines += ["", "| label | training images with it |", "|---|---:|", *rows]
    return "\n".join(lines)


def _numbers(trained: TrainedModel) -> str:
    if not trained.evaluations:
        return f"Nothing was measured at update {trained.step:,}."
    rows = []
    for row in trained.evaluations:
        low, high = row.get("low"), row.get("high")
        interval = "" if low is None or high is None else f"{number(low)} to {number(high)}"
        baseline = "" if row.get("baseline") is None else number(row["baseline"])
        title, *rest = _of(row)
        cells = (title, number(row["value"]), interval, baseline, ", ".join(rest))
        rows.append("| " + " | ".join(map(_cell, cells)) + " |")
    head = ["| metric | value | 95% interval | baseline | measured on |", "|---|---:|---:|---:|---|"]
    note = f"The baseline is {BASELINE}."
    has_baseline = any(row.get("baseline") is not None for row in trained.evaluations)
    return "\n".join([*head, *rows, *(["", note] if has_baseline else [])])


def _cell(text: str) -> str:
    return plain(text).replace("|", "\\|")


def _limits(trained: TrainedModel) -> Iterator[str]:
    """Limits that follow from the facts of the run."""
    facts, recipe = trained.facts, trained.recipe
    count = facts.get("data", {}).get("counts", {}).get("train")
    seen = f"its {count:,} training images" if count else "its training images"
    yield f"It models pictures of {image_shape(recipe.data.shape)}. What is rare in {seen} is modelled badly."
    if trained.step < (last := _last_step(trained)):
        yield f"The training had not ended: update {trained.step:,} of {last:,}."
    if trained.step == facts.get("step"):
        for finding in facts.get("findings", []):
            if finding.get("severity") != "note" and finding.get("meaning"):
                yield plain(finding["meaning"])
    if trained.labels:
        yield "Labels are as in the data, with its errors. Labels that often occur together in the data do so here too."
    if "generate" in trained.abilities:
        measured = any(row["metric"] in COPIES for row in trained.evaluations)
        how = "the numbers above say how often" if measured else "this was not measured"
        yield f"Samples may be near copies of training images; {how}."
    yield "Numbers can only be compared for the same extractor, n, split and data."
    yield "Do not use this model to identify a person, or to decide anything about a person."
