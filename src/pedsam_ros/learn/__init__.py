"""Trains models: from scratch on composed scenes, or by distilling a SAM into a reordered one.

`scenes` composes pictures, `examples` asks for objects in them, and `trainee` and `student` say
what a step learns; `learner` does the step, and `trainer` runs and resumes whole trainings. The
room may import `core` and `core.model`. Start reading at `trainer`.
"""
