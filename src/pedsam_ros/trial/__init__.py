"""The whole system as real processes: for the demo, the soak, the evaluation and the tests.

Start reading at `system.py`, which starts and ends the processes, and at `client.py`, which looks
at them from outside. `player.py` and `distributed.py` are the two ways to send frames through
them. `soak.py` plays faults on them: `fleet.py` is what it plays with, `verdict.py` judges.

Imports core, ros, nodes and bags; tools and tests import it.
"""
