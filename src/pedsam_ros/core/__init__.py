"""Decides who gets which window, and keeps the books: without ROS, torch, a clock or a thread.

`edge` tells the story of a frame, and `types` what travels between the parts. `windows`,
`placement` and `ledger` hold the geometry, the homes of the windows, and what each worker was
sent. Time is an argument. The room imports no other one. Start reading at `edge`.
"""
