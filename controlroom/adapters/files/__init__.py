"""Files that the program follows, records and reads."""
