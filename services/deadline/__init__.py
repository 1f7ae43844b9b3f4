"""deadline: watches time, and nothing else.

Owns one record a task, with the moment it waits for next, and the calendar of working days.
Consumes `task.*`: the task with the highest sequence counts, with the moments that assignment computed.
Publishes `deadline.*`: that a moment has passed. Assignment decides what that means for the task.
Answers `GET /v1/deadlines/{task_id}` and `GET /v1/terms`.
"""
