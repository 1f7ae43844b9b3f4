"""Pure rules: which moments a task waits for, which have come, and which of those are still worth telling."""
