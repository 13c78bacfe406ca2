"""Simulated factory sensors: signals, faults and the publisher that sends their readings to Kafka."""
