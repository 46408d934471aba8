from sendook_lite.domain.meters import Histogram


def test_a_value_belongs_to_the_first_bound_that_is_not_below_it() -> None:
    histogram = Histogram((0.5, 1, 2))
    for value in (0, 0.5, 0.51, 1, 2, 2.1, 100):
        histogram.observe(value)
    assert histogram.counts == [2, 2, 1, 2]
    assert histogram.total == 106.11
