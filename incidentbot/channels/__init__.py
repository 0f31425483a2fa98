"""Ways out: one package or module per outside service, each with all that is needed to send to it."""
