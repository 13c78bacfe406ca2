"""Bridges: values of real sensors become readings on `sensor-data`, and nothing is lost on the way.

A source (one file each in `sources`) takes messages from elsewhere and makes drafts of readings of them by the mapping.
The spool numbers them and stores them on disk; then the source acknowledges the message. The sender writes what is
stored to Kafka, and the spool forgets what Kafka has confirmed.

Of ours it imports `controlroom.wire` and `kafka_clients` alone.
"""
