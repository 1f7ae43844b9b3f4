"""deadline: watches time, and nothing else.

Owns one document a task with the moment it waits for next, and the calendar of working days.
Consumes `task.*`: the whole task of the highest sequence, and with it the moments assignment worked out.
Publishes `deadline.*`: what time has done. What that means for the task is assignment's to decide.
Answers `GET /v1/deadlines/{task_id}` and `GET /v1/terms`.
"""
