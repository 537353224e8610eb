"""Everything that touches torch: the two halves of the encoder, the decoder, and their weights.

The room may import `core` and nothing else of the package; only `sam` imports Meta's own package.
The rest of `core` runs without torch, so nothing there imports this room. Start reading at
`encoder`, which cuts SAM's image encoder in two; `loading` builds the halves from a `checkpoint`,
`worker_half` and `edge_half` use them, and `decoder` turns an embedding into masks.
"""
