"""Trains models: from scratch on composed scenes, or by distillation from SAM's own block order.

`asset_pack` holds the pictures, `scenes` and `appearance` compose them, `examples` and
`photo_folder` turn scenes and photographs into what one step learns from. A `learner` is what a
run trains: a `trainee` from scratch, a `student` by distillation. `trainer` makes the steps and
`driver` runs them for the command line. The room may import `core` and `core.model`. Start reading
at `trainer`.
"""
