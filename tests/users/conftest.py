from tests.team import processes, team

__all__ = ["processes", "team"]
