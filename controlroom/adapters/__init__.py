"""The outside world: Kafka, PostgreSQL, notifications, recordings."""
