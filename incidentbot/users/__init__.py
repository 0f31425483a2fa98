"""People: accounts, Slack identities, roles."""
