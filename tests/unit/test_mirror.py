"""Every module of the package has a test that mirrors it."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
ELSEWHERE = {
    "__main__.py": "the same as cli/__init__.py",
    "errors.py": "declarations",
    "plugins.py": "tests/contract, over every entry point",
    "delivery/contract.py": "protocols; tests/contract",
    "endpoint/contract.py": "protocols; tests/fakes/pulled_journal.py satisfies it",
    "intake/contract.py": "protocols; tests/contract",
    "reporting/view.py": "declarations",
    "runtime/clock.py": "tests/fakes/clock.py satisfies it",
}


def test_every_module_has_a_partner() -> None:
    package, unit = ROOT / "lpforwarder", ROOT / "tests/unit"
    lonely = []
    for module in sorted(package.rglob("*.py")):
        name = module.relative_to(package)
        if module.name == "__init__.py" or str(name) in ELSEWHERE or name.parts[0] == "cli":
            continue  # commands are tested from outside, in tests/e2e
        if not (unit / name.parent / f"test_{module.name}").exists():
            lonely.append(str(name))
    assert lonely == []
