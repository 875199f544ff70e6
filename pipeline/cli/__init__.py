"""Commands: parse, call, report; no logic."""
