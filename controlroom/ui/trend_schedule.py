"""When the database is asked what a trend shows: at once for a span that is new, now and then for the present."""

from __future__ import annotations

from controlroom.core.archive import Answer
from controlroom.core.trends import TrendData, TrendQuestion
from controlroom.ui.context import Context

#: what is stored of the present is asked for again this often, seconds
_LIVE_S = 10.0
#: a question that has no answer is asked again after this, seconds
_WAIT_S = 5.0
#: questions of which the time is known
_MOST = 16


class TrendSchedule:
    """Asks, and gives the answers as they are.

    Args:
        context: what every widget works with.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._asked: dict[TrendQuestion, float] = {}

    def answer(self, question: TrendQuestion, now: float) -> Answer[TrendData] | None:
        """The answer, if there is one; asks, if it is time. `now` is the present of the sensors."""
        history, clock = self._context.options.history, self._context.now()
        answer = self._context.state.archive.trends.get(question)
        if history is None or not question.sensors:
            return answer
        done = answer is not None and answer.value is not None and not answer.error
        wait = (_LIVE_S if question.end is None else float("inf")) if done else _WAIT_S
        age = clock - self._asked.get(question, float("-inf"))
        # A clock that was set back must not silence it.
        if age >= wait or age < 0:
            while len(self._asked) >= _MOST:
                del self._asked[next(iter(self._asked))]
            self._asked[question] = clock
            end = now if question.end is None else question.end
            history.trend(question.sensors, question.span, question.end, end)
        return answer
