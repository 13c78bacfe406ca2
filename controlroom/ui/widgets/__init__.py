"""Widgets, one a file: they draw lines through the palette; what these say is decided in `controlroom.ui.render`."""
