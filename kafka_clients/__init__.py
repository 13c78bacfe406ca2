"""Clients of Kafka: opened, closed in a bounded time, and recovered after a failure.

What `controlroom`, `simulator` and `bridges` share to talk to brokers. It imports nothing of ours.
"""
