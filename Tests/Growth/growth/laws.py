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
    # Blocks for each of the event's people, and for whatever there is. Of a small event the planner reads everything at once.
    each: float = 0.0
    besides: float = 0.0

    def limit(self, small: Size, large: Size, blocks: float, constant: float) -> float:
        ratio = self.ratio(small, large)
        return (FACTOR if ratio == 1 else LINEAR * ratio) * max(blocks, 1.0) + constant + self.each * large.crowd + self.besides


FLAT = Law("constant", lambda small, large: 1.0)
EVENT = Law("linear in the event's people", lambda small, large: large.crowd / small.crowd)
SITE = Law("linear in all registrations", lambda small, large: large.registrations / small.registrations)
# Fewer than a thousand are looked up one by one, at three blocks; with more the list is walked along.
MATCHES = Law("at most a thousand who match", lambda small, large: 1.0, besides=4000.0)
OWN = Law("linear in what the person has", lambda small, large: large.own / small.own)
EVENTS = Law("linear in the events", lambda small, large: large.events / small.events)
# Of a small event the steps are over within the call, of a large one some run beside it. The doomed events have a tenth of the
# others' people: some ten blocks for each row that a step writes.
DOOMED = Law("linear in the event's people, in steps", lambda small, large: large.doomed / small.doomed, each=2.0)
PEOPLE = Law("linear in the event's people", lambda small, large: large.crowd / small.crowd, each=2.0)
# Rows that were published a moment ago stand in the way until they are vacuumed.
RECENT = Law("constant, but for what was published a moment ago", lambda small, large: 1.0, besides=500.0)
DAY = Law("linear in what failed within a day", lambda small, large: large.registrations / small.registrations)
# A row that is removed or moved costs some blocks, and beside a small site there is less to do than fills a step.
STEP = Law("a step of at most a thousand rows", lambda small, large: 1.0, besides=8000.0)

# Whole answers, whose own length grows; what is counted; and common words that are looked for among the people of one event.
LAWS = {
    "GET /events/{id}/registrations.csv": EVENT,
    "GET /events/{id}/check-in-manifest (something has changed)": EVENT,
    "GET /events/{id}/registrations (common word)": EVENT,
    "GET /events/{id}/registrations (rare word)": MATCHES,
    "GET /events/{id}/registrations (rare word, by name)": MATCHES,
    "GET /events/{id}/registrations (ticket code)": MATCHES,
    # A place in line is the count of those before it.
    "GET /events/{id}/registrations (with a line)": EVENT,
    "GET /events/{id}/registrations (the line)": EVENT,
    "GET /events/{id}/registrations (the line by name)": EVENT,
    "GET /events/{id}/check-ins/conflicts": EVENT,
    "GET /events/{id}/check-ins/conflicts (deep page)": EVENT,
    # The mails that failed are counted.
    "GET /events/{id}/delivery": EVENT,
    "GET /admin/audit.csv (an event)": EVENT,
    # How many got it, and how many are meant, is counted.
    "GET /events/{id}/mailings/{mailingId}": EVENT,
    "GET /events/{id}/mailings": EVENT,
    "POST /events/{id}/announcements/preview (to all)": PEOPLE,
    "POST /events/{id}/announcements/preview (to confirmed)": PEOPLE,
    "POST /events/{id}/announcements/preview (to checkedIn)": PEOPLE,
    "GET /me/export": OWN,
    # The host has one event of twenty.
    "GET /events (mine)": EVENTS,
    "GET /events (mine, deep page)": EVENTS,
    "GET /events (mine, rare word)": EVENTS,
    "POST /events/{id}/cancel": DOOMED,
    "PATCH /events/{id} (places for a whole line)": EVENT,
    "GET /events (common word)": MATCHES,
    "GET /admin/users (rare word)": MATCHES,
    "GET /admin/users (an address)": MATCHES,
    "GET /admin/users (common word)": MATCHES,
}
# Statements of workers and tasks, by what stands in them.
STATEMENTS = {
    # A dashboard shows how many mails failed.
    "CROSS JOIN LATERAL ( SELECT count(*) FILTER (WHERE status = ?) AS retrying": EVENT,
    # Somebody who waits is told their place in line.
    "WITH line AS MATERIALIZED": EVENT,
    # What somebody who looks has waiting.
    "FROM registrations r JOIN event_places p ON p.event_id = r.event_id JOIN events e ON e.id = r.event_id WHERE r.user_id = ANY": OWN,
    # How many mails failed within a day.
    "SELECT count(*) AS unsent, min(created_at) AS oldest_at": DAY,
    # Whose time for a reminder has come, of what is published.
    "WITH moment AS": EVENTS,
    # A manifest's size is counted before it is made.
    "SELECT count(*) AS tickets FROM tickets": EVENT,
    # A step's rows are locked before they are changed.
    "ORDER BY id FOR SHARE ) held": STEP,
    "ORDER BY id FOR NO KEY UPDATE ) held": STEP,
    # Messages of one event are numbered a batch at a time.
    "SELECT last FROM outbox_sequences": STEP,
    "SELECT count(*) AS count, min(occurred_at) AS oldest FROM outbox": RECENT,
    # The check of the invariants reads everything, in steps.
    "SELECT invariant, event_id, subject_id": SITE,
    "SELECT known.id, coalesce(p.confirmed + p.waitlisted": SITE,
    "SELECT count(*) AS in_scope FROM": SITE,
    # Pruning.
    "WITH step AS ( SELECT id, occurred_at FROM outbox": STEP,
    "WITH oldest AS ( SELECT id FROM outbox": STEP,
    "SELECT erase_expired_audit_contents": STEP,
}
# Each service's idle second holds the tasks above.
IDLE = {"ws-hub": EVENT, "api-service": EVENTS}


def law(kind: str, name: str) -> Law:
    """The law of a route by its name, of an idle second by its service, of a statement by its text."""
    if kind == "route":
        return LAWS.get(name, FLAT)
    if kind == "idle":
        return IDLE.get(name.split(",")[0], FLAT)
    return next((law for text, law in STATEMENTS.items() if text in name), FLAT)
