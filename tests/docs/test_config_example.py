from __future__ import annotations

import re
from pathlib import Path

from lpforwarder.settings import Settings, decode
from scripts.generate_config_example import EXAMPLE, REFERENCE, example, reference

ROOT = Path(__file__).resolve().parents[2]
CODE = re.compile(r"LPF1[0-9]{2}")


def read(text: str) -> Settings:
    return decode(text, Path("/etc/lpforwarder/config.yaml"))


def switched_on(text: str) -> str:
    """The text with every `# key:` line in force."""
    return re.sub(r"(?m)^( *)# ( *[a-z_]+:.*)$", r"\1\2", text)


def test_the_example_and_the_reference_are_what_the_declarations_say() -> None:
    assert EXAMPLE.read_text(encoding="utf-8") == example()
    assert REFERENCE.read_text(encoding="utf-8") == reference()


def test_the_example_loads_as_it_is() -> None:
    made = read(EXAMPLE.read_text(encoding="utf-8"))
    assert (len(made.sources), len(made.collectors)) == (1, 1)


def test_every_line_switched_on_is_the_default_it_claims_to_be() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    plain, full = read(text), read(switched_on(text))
    assert full.collectors == plain.collectors
    assert full.sources == plain.sources
    assert (full.http, full.log, full.drain) == (plain.http, plain.log, plain.drain)


def test_every_key_of_a_collector_is_in_the_example() -> None:
    text = switched_on(EXAMPLE.read_text(encoding="utf-8"))
    keys = set(re.findall(r"(?m)^ {2,4}(?:- )?([a-z_]+):", text))
    assert set(type(read(text).collectors[0]).model_fields) <= keys


def test_every_configuration_code_is_explained() -> None:
    explained = set(CODE.findall((ROOT / "docs/reference/errors.md").read_text(encoding="utf-8")))
    files = [*(ROOT / "lpforwarder/config").glob("*.py"), ROOT / "lpforwarder/settings.py"]
    files += [ROOT / "lpforwarder/delivery/options.py", ROOT / "lpforwarder/delivery/transports/options.py"]
    used = {code for file in files for code in CODE.findall(file.read_text(encoding="utf-8"))}
    assert used <= explained
