"""Incidents: their rules, their changes, their story."""
