"""A Slack workspace on your own machine, over real HTTP: to try, to demo, to test against.

It imports nothing from the rest of incidentbot: the two talk as Slack and an app do.
"""
