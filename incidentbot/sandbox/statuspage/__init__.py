"""A Statuspage.io on your own machine: its manage API, its public API, and the customers' view.

What the documentation leaves open (wording of errors, what a bare status change posts) is
answered as the real one is known to answer; docs/sandbox.md says which parts those are.
"""
