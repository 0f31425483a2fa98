"""Real servers for tests: PostgreSQL, Redis, Chromium, and processes of our own."""
