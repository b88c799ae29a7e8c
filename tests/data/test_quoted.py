"""Values of users in messages."""

from tidegate.io.quoted import quoted


def test_long_values_are_cut_with_their_closing_quote() -> None:
    assert quoted("short") == "'short'"
    assert quoted("a" * 78) == repr("a" * 78)
    assert quoted("a" * 100, 10) == "'aaaaa...'"
    assert quoted("it's " * 30, 10) == '"it\'s ..."'
    assert quoted([1] * 100, 10) == "[1, 1, ..."

    assert len(quoted("\x00" * 99, 40)) == 40
