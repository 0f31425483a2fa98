"""What a test run says when this machine lacks something. It never skips."""


class Missing(RuntimeError):
    """A server or browser that tests need is not on this machine; says what to install."""
