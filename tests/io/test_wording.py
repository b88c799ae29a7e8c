"""Values in messages."""

from tidegate.io.wording import amount, quoted


def test_long_values_are_cut_with_their_closing_quote() -> None:
    assert quoted("short") == "'short'"
    assert quoted("a" * 78) == repr("a" * 78)
    assert quoted("a" * 100, 10) == "'aaaaa...'"
    assert quoted("it's " * 30, 10) == '"it\'s ..."'
    assert quoted([1] * 100, 10) == "[1, 1, ..."

    assert len(quoted("\x00" * 99, 40)) == 40


def test_amounts_have_a_plural_and_no_digits_that_say_nothing() -> None:
    found = [amount(number, "step") for number in (0, 1, 1.0, 2, 8000.0, 7.53, 1.04)]
    assert found == ["0 steps", "1 step", "1 step", "2 steps", "8,000 steps", "7.5 steps", "1 step"]
