import pytest

from lab.ui import formatting


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0:00.0"), (59.96, "1:00.0"), (760.04, "12:40.0"), (3723.4, "1:02:03.4")],
)
def test_a_moment_is_shown_as_a_clock(seconds: float, shown: str) -> None:
    assert formatting.timestamp(seconds) == shown


@pytest.mark.parametrize(
    ("size_bytes", "shown"),
    [(0, "0 bytes"), (999, "999 bytes"), (145_217_532, "145 MB"), (3_100_000_000, "3.1 GB")],
)
def test_a_size_is_shown_in_the_fitting_unit(size_bytes: int, shown: str) -> None:
    assert formatting.size(size_bytes) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(8.21, "8.2 s"), (185, "3 min 5 s"), (3725, "1 h 2 min")]
)
def test_a_length_is_shown_in_the_fitting_units(seconds: float, shown: str) -> None:
    assert formatting.duration(seconds) == shown


def test_markup_in_a_name_is_shown_and_not_followed() -> None:
    assert formatting.escape("[a](http://b) :red[c] $x$ <b>") == (
        r"\[a\]\(http\:\/\/b\) \:red\[c\] \$x\$ \<b\>"
    )
