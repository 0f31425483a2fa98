"""What the Slack app may do in the workspace, and why."""

# Each scope and what it is for. We ask for no more than is used.
SCOPES = {
    "commands": "/incident and /inc",
    "chat:write": "messages and cards",
    "chat:write.public": "announcements in public channels incidentbot has not joined",
    "channels:manage": "create the incident's channel, set its topic, invite people",
    "channels:read": "find the channel an interrupted attempt has made",
    "channels:join": "read back an announcement channel after an interrupted attempt",
    "channels:history": "look whether an interrupted attempt has posted its message",
    "groups:write": "the same for a private incident's channel, and taking people out of it",
    "groups:read": "find the private channel an interrupted attempt has made",
    "groups:history": "look whether an interrupted attempt has posted its message there",
    "pins:write": "pin the incident's card",
    "bookmarks:write": "bookmark the incident's page",
    "bookmarks:read": "look whether an interrupted attempt has made the bookmark",
    "im:write": "direct messages to the people who hear of P1 incidents",
    "im:history": "look whether an interrupted attempt has sent its direct message",
    "users:read": "people's names, and whom one can pick by name",
    "users:read.email": "people's e-mail addresses: one person in Slack and on the web",
}
