"""Slack and Statuspage on your own machine, over real HTTP: to try, to demo, to test against.

It imports nothing from the rest of incidentbot: they talk as the real services and an app do.
"""
