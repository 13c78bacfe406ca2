"""Alarms on MQTT brokers: one retained message for each sensor, kept equal to what PostgreSQL has."""
