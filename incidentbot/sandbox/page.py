"""The page: a small Slack in the browser, told by a stream when to look again."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("page", __name__)
