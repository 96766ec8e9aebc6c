"""How large a site is that the calls are measured on."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """The variables of fill.sql; each size is filled beside the smaller ones, whose numbers it need not repeat."""

    name: str
    registrations: int
    people: int
    events: int
    crowd: int
    doomed: int
    own: int

    def __post_init__(self) -> None:
        assert (self.people - 2) % 7, "fill.sql walks through the people in steps of seven"
        assert self.crowd * 9 // 8 < self.people - 2, "a probe event needs more people than there are"


SIZES = {size.name: size for size in (
    Size("XS", registrations=1_500, people=1_000, events=40, crowd=100, doomed=10, own=30),
    Size("S", registrations=10_000, people=2_000, events=100, crowd=1_000, doomed=100, own=80),
    Size("mutant", registrations=30_000, people=13_000, events=200, crowd=4_000, doomed=10, own=60),
    Size("M", registrations=1_000_000, people=200_000, events=10_000, crowd=20_000, doomed=2_000, own=1_000),
    Size("L", registrations=5_000_000, people=1_000_000, events=50_000, crowd=200_000, doomed=20_000, own=2_000),
)}
