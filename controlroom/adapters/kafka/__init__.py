"""Kafka through aiokafka: topics, worker, feeds, probes."""
