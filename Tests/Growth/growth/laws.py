"""What a call may cost when the site has grown, and the few that may cost more than before: each with its law, which is checked."""

from collections.abc import Callable
from dataclasses import dataclass

from growth.sizes import Size

# A flat cost is not the same to the block. Each index is a level or two deeper when its table has a hundred times the rows
# (a page of an index holds some hundred entries), which adds a block for each row that is looked up, and a look-up of one row
# costs two or three blocks to begin with: hence the factor. The constant is for what comes and goes with each run: a page
# that splits, a dead row that is stepped over, a row of the same second. What grows with a table grows a hundredfold, with an
# event twentyfold: far beyond both.
FACTOR, CONSTANT = 2.0, 64.0
# A page has some twenty rows, each with an event, a person, a ticket beside it. Beside 10,000 registrations the planner reads
# such a small table at once; beside a million it looks twenty rows up, at three or four blocks and for three tables. That is as
# flat as can be, and costs as many blocks more.
PAGE = 256.0
# At the small sizes of `make test` no table has more than some hundred pages, and the planner rightly reads one at once rather
# than by an index: what shows there is what looks each row up, not what reads a table.
SMALL_CONSTANT = 512.0
# What is linear may besides turn from reading a small table at once to looking its rows up, at some blocks each.
LINEAR = 3.0


@dataclass(frozen=True)
class Law:
    says: str
    ratio: Callable[[Size, Size], float]
    besides: float = 0.0

    def limit(self, small: Size, large: Size, blocks: float, constant: float) -> float:
        ratio = self.ratio(small, large)
        return (FACTOR if ratio == 1 else LINEAR * ratio) * max(blocks, 1.0) + constant + self.besides


FLAT = Law("constant", lambda small, large: 1.0)
EVENT = Law("linear in the event's people", lambda small, large: large.crowd / small.crowd)
SITE = Law("linear in all registrations", lambda small, large: large.registrations / small.registrations)
# Fewer than a thousand are looked up one by one, at three blocks; with more the list is walked along.
MATCHES = Law("at most a thousand who match", lambda small, large: 1.0, besides=4000.0)
OWN = Law("linear in what the person has", lambda small, large: large.own / small.own)

# Whole answers, whose own length grows, and words that are looked for among the people of one event.
LAWS = {
    "GET /events/{id}/registrations.csv": EVENT,
    "GET /events/{id}/check-in-manifest (something has changed)": EVENT,
    "GET /events/{id}/registrations (common word)": EVENT,
    "GET /events/{id}/registrations (rare word)": EVENT,
    "GET /events/{id}/registrations (rare word, by name)": EVENT,
    "GET /events/{id}/registrations (ticket code)": EVENT,
    "GET /admin/audit.csv (an event)": EVENT,
    # How many got it, and how many are meant, is counted.
    "GET /events/{id}/mailings/{mailingId}": EVENT,
    "GET /events/{id}/mailings": EVENT,
    "POST /events/{id}/announcements/preview (to all)": EVENT,
    "POST /events/{id}/announcements/preview (to confirmed)": EVENT,
    "POST /events/{id}/announcements/preview (to checkedIn)": EVENT,
    "GET /me/export": OWN,
    # Reads everything; of a large site a part with each look.
    "GET /admin/verify": SITE,
    "GET /admin/users (rare word)": MATCHES,
    "GET /admin/users (an address)": MATCHES,
}


def law(name: str) -> Law:
    return LAWS.get(name, FLAT)
