"""Rules of runtime.plan over all pairs of settings."""

from hypothesis import given
from hypothesis import strategies as st

from lpforwarder.runtime.plan import plan

settings_of_workers = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 2))


@given(settings_of_workers, settings_of_workers)
def test_every_name_is_accounted_for_once(old: dict[str, int], new: dict[str, int]) -> None:
    made = plan(old, new)
    assert {*made.stop, *made.keep} == old.keys()
    assert {*made.start, *made.keep} == new.keys()
    assert not {*made.keep} & {*made.stop, *made.start}
    for part in (made.stop, made.start, made.keep):
        assert len(set(part)) == len(part)


@given(settings_of_workers, settings_of_workers)
def test_exactly_the_unchanged_are_kept(old: dict[str, int], new: dict[str, int]) -> None:
    assert set(plan(old, new).keep) == {name for name in old if name in new and old[name] == new[name]}


@given(settings_of_workers, settings_of_workers)
def test_names_come_in_the_order_of_the_file(old: dict[str, int], new: dict[str, int]) -> None:
    made = plan(old, new)
    assert list(made.stop) == [name for name in old if name in made.stop]
    assert list(made.start) == [name for name in new if name in made.start]
    assert list(made.keep) == [name for name in new if name in made.keep]


@given(settings_of_workers, settings_of_workers)
def test_carried_out_it_leads_to_the_new_settings(old: dict[str, int], new: dict[str, int]) -> None:
    made = plan(old, new)
    running = {name: value for name, value in old.items() if name not in made.stop}
    running |= {name: new[name] for name in made.start}
    assert running == new


@given(settings_of_workers)
def test_the_same_settings_again_touch_nothing(settings: dict[str, int]) -> None:
    made = plan(settings, dict(settings))
    assert made.stop == made.start == ()
    assert made.keep == tuple(settings)
