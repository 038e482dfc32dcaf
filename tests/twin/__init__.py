"""The slow twin: every rule of docs/model.md once more, one agent at a time, in scalars; no code shared with agents."""
