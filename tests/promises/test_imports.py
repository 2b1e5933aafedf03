"""What imports what."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import simulacra
from simulacra.objectives import FAMILIES

ROOT = Path(__file__).parents[2]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
SOURCES = sorted((ROOT / "src").rglob("*.py"))


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imported(tree: ast.AST) -> set[str]:
    """Names of the modules that a file imports anywhere in it."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def test_importing_simulacra_loads_no_torch() -> None:
    code = "import sys, simulacra; print(*[m for m in ('torch', 'numpy', 'PIL', 'typer') if m in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == ""


def test_reading_a_run_loads_no_torch() -> None:
    code = "import sys, simulacra.runs, simulacra.recipe, simulacra.data.store; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_report_reads_files_without_torch() -> None:
    code = "import sys, simulacra.report; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_nothing_imports_torchvision(path: Path) -> None:
    assert not {module for module in imported(ast.parse(path.read_text("utf-8"))) if module.startswith("torchvision")}


def test_libraries_that_few_commands_need_are_imported_where_they_are_needed() -> None:
    """They take a second; every command but those few begins without them."""
    for path in SOURCES:
        body = [
            node for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, ast.Import | ast.ImportFrom)
        ]
        packages = {module.partition(".")[0] for module in imported(ast.Module(body))}
        assert not packages & {"scipy", "sklearn", "openTSNE", "dicebear", "resvg_py"}, path


def test_imports_go_one_way() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_families_never_import_one_another() -> None:
    modules = {family.__module__ for family in FAMILIES.values()}
    assert len(modules) == len(FAMILIES), "a family has a file of its own"
    for module in modules:
        path = ROOT / "src" / f"{module.replace('.', '/')}.py"
        assert not imported(ast.parse(path.read_text("utf-8"))) & modules, module


def test_families_override_nothing() -> None:
    for family in FAMILIES.values():
        own = {name for name in vars(family) if not name.startswith("_")}
        for base in family.__mro__[1:]:
            abstract = getattr(base, "__abstractmethods__", frozenset())
            assert not {name for name in own & set(vars(base)) if name not in abstract}, family


def test_every_module_stands_in_a_layer() -> None:
    layers = next(contract for contract in CONTRACTS if contract["type"] == "layers")["layers"]
    package = Path(simulacra.__file__).parent
    modules = {path.stem for path in package.glob("*.py")} | {
        path.parent.name for path in package.glob("*/__init__.py")
    }
    assert {f"simulacra.{module}" for module in modules - {"__init__"}} == set(layers)


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_function_has_at_most_50_lines(path: Path) -> None:
    text = path.read_text("utf-8")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not is_command(node):
            assert length(node) <= 50, node.name


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function, its docstring not counted."""
    docstring = ast.get_docstring(function, clean=False)
    return (function.end_lineno or 0) - function.lineno + 1 - (len(docstring.splitlines()) if docstring else 0)


def is_command(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """A command of the command line lists its options, a line each."""
    return any(ast.unparse(decorator).startswith("app.command") for decorator in function.decorator_list)


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_nothing_is_called_by_a_word_that_says_nothing(path: Path) -> None:
    assert not {"utils", "helpers", "manager", "common", "misc"} & set(path.stem.split("_"))
    classes = [node.name for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.ClassDef)]
    assert not [one for one in classes if one.endswith(("Manager", "Helper", "Utils"))]


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_every_file_says_in_a_sentence_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text("utf-8")))
