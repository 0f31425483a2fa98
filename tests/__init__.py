"""Tests of incidentbot."""
