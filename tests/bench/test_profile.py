from __future__ import annotations

import importlib
from collections import Counter
from pathlib import Path

import pytest

from bench.profile import described, sentences
from bench.sinks import ROOT


def test_the_largest_blocks_stand_in_order_with_their_sentences() -> None:
    stacks = Counter({("loop", "a.py:f"): 30, ("loop", "b.py:g"): 60, ("loop",): 10})
    text = described("the source's thread", stacks, 20.0, {"b.py:g": "it compresses"})
    assert text.splitlines() == [
        "**The source's thread: 20.0 µs an event.** Its largest blocks:",
        "",
        "1. `b.py:g`, 60% or 12.0 µs: it compresses.",
        "2. `a.py:f`, 30% or 6.00 µs: nobody has said why yet; a sentence belongs into `bench/blocks.json`.",
        "3. `loop`, 10% or 2.00 µs: nobody has said why yet; a sentence belongs into `bench/blocks.json`.",
    ]


def test_no_looks_give_no_blocks() -> None:
    assert described("the thread", Counter(), 1.0, {}).endswith("Its largest blocks:\n")


@pytest.mark.parametrize("name", sorted(sentences()))
def test_a_sentence_is_about_a_function_that_exists(name: str) -> None:
    file, _, qualified = name.partition(":")
    is_ours = (ROOT / "lpforwarder" / file).exists()
    parts = Path(file).with_suffix("").parts
    found: object = importlib.import_module(".".join(("lpforwarder", *parts) if is_ours else parts[:1]))
    for part in qualified.split("."):
        found = getattr(found, part)
    assert callable(found)


@pytest.mark.parametrize("sentence", sorted(sentences().values()))
def test_a_sentence_can_stand_behind_a_colon(sentence: str) -> None:
    assert sentence[-1] not in ".:; "
