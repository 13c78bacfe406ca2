"""`controlroom serve`: the control room in a browser, by textual-serve (the extra `serve`)."""
