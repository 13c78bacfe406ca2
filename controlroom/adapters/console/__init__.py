"""What a console asks of Kafka and PostgreSQL: done on the loop of its link, never on the screen's thread."""
