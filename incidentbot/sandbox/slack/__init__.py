"""A Slack workspace: its state, its Web API, and what it sends to the app."""
