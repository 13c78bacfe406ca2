"""Screens. What they show is in `controlroom.ui.widgets`, what the operator can do in `controlroom.ui.bindings`."""
