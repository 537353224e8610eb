"""Wires core and ros to topics, services and threads: the edge, the worker and the overlay.

`edge_node` and `worker_node` are lifecycle nodes; what they share is in `managed`. On the edge one
thread does all the work: `edge_loop` tells how, step by step. The room may import `core`,
`core.model` and `ros`. Start reading at `edge_loop`.
"""
