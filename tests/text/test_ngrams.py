import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.errors import ArgumentError, CorpusTooSmallError
from tidegate.text import ngram_baselines
from tidegate.text.corpus.kneser_ney import ngram_probabilities

RNG = np.random.default_rng(0)


def paper(train: list[int], size: int, order: int, context: tuple[int, ...], unit: int) -> float:
    """Chen & Goodman 1999, equations of section 3, transcribed with dictionaries."""

    def grams(n: int) -> list[tuple[int, ...]]:
        return [tuple(train[i : i + n]) for i in range(len(train) - n + 1)]

    def p(n: int, context: tuple[int, ...], top: bool) -> float:
        if n == 0:
            return 1 / size
        counts = Counter(grams(n)) if top else Counter(g[1:] for g in set(grams(n + 1)))
        c = Counter(counts.values())
        if c[1] and c[2]:
            y = c[1] / (c[1] + 2 * c[2])
            third = 3 - 4 * y * c[4] / c[3] if c[3] else 0.0
            raw = [1 - 2 * y * c[2] / c[1], 2 - 3 * y * c[3] / c[2], third]
            d = [min(max(x, 0.05), most) for x, most in zip(raw, (1, 2, 3), strict=True)]
        else:
            d = [0.5, 0.5, 0.5]
        following = {g[-1]: k for g, k in counts.items() if g[:-1] == context}
        lower = p(n - 1, context[1:], top=False)
        if not following:
            return lower
        total = sum(following.values())
        saved = sum(d[min(k, 3) - 1] for k in following.values())
        kept = following.get(unit, 0)
        return (kept - (d[min(kept, 3) - 1] if kept else 0) + saved * lower) / total

    return p(order, context, top=True)


def probabilities(train: list[int], text: list[int], size: int, order: int) -> list[np.ndarray]:
    return list(ngram_probabilities(np.array(train, np.uint8), np.array(text, np.uint8), size, order))


@pytest.mark.parametrize("length", [1, 2, 6, 40, 400])
def test_agrees_with_the_paper(length: int) -> None:
    train = (RNG.integers(0, 3, length) * RNG.integers(0, 2, length)).tolist()
    text = RNG.integers(0, 4, 30).tolist()  # unit 3 is never seen in training
    for order, found in enumerate(probabilities(train, text, 4, 4)):
        for at in range(order, len(text)):
            context = tuple(text[at - order + 1 : at]) if order else ()
            expected = paper(train, 4, order, context, text[at])
            assert found[at] == pytest.approx(expected, rel=1e-12)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=60),
    st.lists(st.integers(0, 4), min_size=0, max_size=5),
)
def test_every_order_is_a_proper_distribution(train: list[int], context: list[int]) -> None:
    each = [probabilities(train, [*context, unit], 5, 5) for unit in range(5)]
    for order in range(6):
        p = [found[order][-1] for found in each]
        assert min(p) > 0
        assert sum(p) == pytest.approx(1, abs=1e-12)


def test_known_entropies() -> None:
    coin = RNG.integers(0, 2, 200_000)
    found = ngram_baselines(coin[:150_000], coin[150_000:], 4)
    assert list(found) == ["uniform", "unigram", "bigram", "trigram", "5-gram"]
    assert found["uniform"] == pytest.approx(math.log(4), rel=1e-12)
    for name in ("unigram", "bigram", "trigram", "5-gram"):
        assert found[name] == pytest.approx(math.log(2), abs=1e-3)
    # 0 1 2 0 1 2 ...: each unit settles the next
    cycle = np.arange(30_000) % 3
    found = ngram_baselines(cycle[:20_000], cycle[20_000:], 3, orders=(1, 2, 4))
    assert found["unigram"] == pytest.approx(math.log(3), abs=1e-3)
    assert found["bigram"] < 1e-3
    assert list(found) == ["unigram", "bigram", "4-gram"]


def test_memory_of_two_units_needs_trigrams() -> None:
    """x(t) = x(t-1) xor x(t-2), flipped one time in ten: the entropy of that flip."""
    x = [0, 1]
    for flip in RNG.random(100_000) < 0.1:
        x.append(x[-1] ^ x[-2] ^ int(flip))
    found = ngram_baselines(np.array(x[:80_000]), np.array(x[80_000:]), 2)
    entropy = -0.1 * math.log(0.1) - 0.9 * math.log(0.9)
    assert found["trigram"] == pytest.approx(entropy, abs=0.01)
    assert found["5-gram"] == pytest.approx(entropy, abs=0.01)
    assert found["bigram"] > 0.5


def test_large_vocabularies_do_not_overflow() -> None:
    """With codes of V**5 this would need 80 bits: renaming the units must not change anything."""
    small = RNG.integers(0, 5, 3000)
    names = np.array([0, 65_535, 40_000, 7, 65_534])
    size = 65_536
    few = list(ngram_probabilities(small[:2000], small[2000:], size, 5))
    many = list(ngram_probabilities(names[small[:2000]].astype(np.uint16), names[small[2000:]], size, 5))
    for a, b in zip(few, many, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
    assert -np.log(few[5]).mean() < 3 < math.log(size)


def test_limits_are_kept_and_said() -> None:
    train, validation = RNG.integers(0, 3, 1000), RNG.integers(0, 3, 500)
    whole = ngram_baselines(train, validation, 3)
    assert whole.note is None
    cut = ngram_baselines(train, validation, 3, max_train=400, max_validation=100)
    assert cut.note == (
        "n-grams counted on the last 400 of 1,000 training tokens and evaluated on the first 100 of 500 "
        "validation tokens"
    )
    assert cut == ngram_baselines(train[600:], validation[:100], 3)
    assert cut != whole


def test_refusals() -> None:
    ids = np.array([0, 1, 2])
    with pytest.raises(CorpusTooSmallError, match="training part has 3 tokens and the validation part 1"):
        ngram_baselines(ids, ids[:1], 3)
    with pytest.raises(CorpusTooSmallError, match="training part has 0"):
        ngram_baselines(ids[:0], ids, 3)
    with pytest.raises(ArgumentError, match="from 0 to 1, but some are from 0 to 2"):
        ngram_baselines(ids, ids, 2)
    with pytest.raises(ArgumentError, match="some are from -1"):
        ngram_baselines(ids, ids - 1, 3)
    for orders in ((), (-1, 2)):
        with pytest.raises(ArgumentError, match="orders is"):
            ngram_baselines(ids, ids, 3, orders=orders)
    with pytest.raises(ArgumentError, match="max_train is 0"):
        ngram_baselines(ids, ids, 3, max_train=0)


@pytest.mark.slow
def test_ten_million_units() -> None:
    words = [RNG.integers(0, 256, RNG.integers(2, 9)) for _ in range(2000)]
    text = np.concatenate([words[i] for i in RNG.zipf(1.3, 3_000_000) % 2000]).astype(np.uint8)[:10_100_000]
    assert len(text) == 10_100_000
    found = ngram_baselines(text[:10_000_000], text[10_000_000:], 256)
    assert found["5-gram"] < found["trigram"] < found["bigram"] < found["unigram"] < found["uniform"]
