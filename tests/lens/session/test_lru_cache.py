"""The cache of a session."""

from threading import Event, Thread

from tidegate.lens.session.computations import Computations
from tidegate.lens.session.lru_cache import LRUCache


def test_the_cache_is_bounded_and_lookups_do_not_wait_for_a_computation():
    started, go_on, gone = Event(), Event(), []
    cache: LRUCache[str] = LRUCache(2, Computations(), gone.append)
    assert [cache.get(n, lambda n=n: str(n)) for n in (1, 2, 1, 3)] == ["1", "2", "1", "3"]
    assert (gone, len(cache)) == (["2"], 2)

    def slow() -> str:
        started.set()
        assert go_on.wait(10)
        return "slow"

    threads = [Thread(target=cache.get, args=("slow", slow), daemon=True)]
    threads[0].start()
    assert started.wait(10)
    quick: list[str] = []
    threads += [
        Thread(target=lambda: quick.append(cache.get(3, lambda: "made again")), daemon=True),
        Thread(target=lambda: quick.append(cache.get("slow", lambda: "made twice")), daemon=True),
    ]
    threads[1].start()
    threads[2].start()
    threads[1].join(5)
    assert quick == ["3"]
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert quick == ["3", "slow"]
