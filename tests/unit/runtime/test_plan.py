"""What a reload touches; the rules over all inputs are in tests/property/test_plan.py."""

from lpforwarder.runtime.plan import Plan, plan


def test_a_changed_name_is_stopped_and_started_and_the_others_are_left_alone() -> None:
    old = {"siem": 1, "archive": 1, "gone": 1}
    new = {"archive": 1, "new": 1, "siem": 2}
    assert plan(old, new) == Plan(stop=("siem", "gone"), start=("new", "siem"), keep=("archive",))


def test_another_order_is_no_change() -> None:
    assert plan({"a": 1, "b": 2}, {"b": 2, "a": 1}) == Plan(stop=(), start=(), keep=("b", "a"))


def test_a_first_start_starts_everything() -> None:
    assert plan({}, {"a": 1, "b": 2}) == Plan(stop=(), start=("a", "b"), keep=())
