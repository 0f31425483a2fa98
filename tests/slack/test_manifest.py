"""The manifest asks for what signing in with Slack needs, where Slack would send people back."""

from incidentbot.slack.manifest import manifest


def test_people_who_sign_in_with_slack_are_sent_back_here() -> None:
    oauth = manifest("https://incidents.example.com")["oauth_config"]
    assert oauth["redirect_urls"] == ["https://incidents.example.com/sign-in/with/slack/callback"]
    assert oauth["scopes"]["user"] == ["openid", "email", "profile"]


def test_an_installation_without_https_asks_for_no_sign_in() -> None:
    oauth = manifest("http://localhost:8000")["oauth_config"]
    assert "redirect_urls" not in oauth
    assert list(oauth["scopes"]) == ["bot"]
