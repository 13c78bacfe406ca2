"""What is drawn, as pure functions from the plant's state to lines of text with roles. Nothing here knows Textual."""
