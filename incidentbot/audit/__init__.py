"""The audit log: who did what, from where, before and after. Append-only and hash-chained."""
