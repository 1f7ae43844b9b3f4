"""deadline: watches time, and nothing else.

Owns one record for each task, with the moment that it waits for next.
Consumes `task.*`: the task with the highest sequence counts, with the moments that assignment computed.
Publishes `deadline.*`: that a moment has passed. Assignment decides what that means for the task.
Answers `GET /v1/deadlines/{task_id}` and `GET /v1/terms`.
"""
