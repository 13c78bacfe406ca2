"""The alarm lifecycle after ISA-18.2 / IEC 62682: pure functions over immutable state.

=================  ====================================================================================
``model``          one alarm's state: four independent axes, the latch, the label an operator reads
``events``         what can happen to an alarm: readings, time, operators
``ids``            identities that follow from the readings alone
``transitions``    what a step gives back: the new state, a journal of transitions, or a refusal
``lifecycle``      ``step(alarm, event, definition) -> Outcome``: the one way to change an alarm
``actions``        the operators' half of ``step``: ack, shelve, out of service, reset, comment
``definitions``    delays, latch, priority, guidance per sensor type, sensor and kind, from TOML
``common_cause``   the alarm that stands for many silent sensors, and what it does to theirs
``cause_finder``   finds the machine, zone or partition that explains silences
``measures``       the ISA-18.2 / EEMUA 191 figures of an alarm system, streamed over its journal
``documents``      TOML text into validated settings
``floods``         floods over a rolling 10 minutes
``policy``         who is told: receivers, escalation, digest, quiet hours, rate limits, from TOML
``notify``         what is to be sent when, planned with the alarm's transaction
``dispatch``       what is sent now: digests, summaries, rate limits, back-off
=================  ====================================================================================

Nothing here reads a clock, a file or a socket, and nothing is random: the caller brings the time.
"""
