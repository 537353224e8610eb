"""The whole system as real processes: for the demo, the soak, the evaluation and the tests.

Start reading at `system.py`, which starts and ends the processes, and at `client.py`, which looks
at them from outside. `player.py` and `distributed.py` are the two ways to send frames through
them. `soak.py` sends frames and injects faults: `fleet.py` has what the faults are done to, and
`verdict.py` judges the record. `walk.py` is its moving camera, `true_coverage.py` finds out what
workers have seen of that.

The room may import `core`, `core.model`, `ros`, `nodes` and `bags`.
"""
