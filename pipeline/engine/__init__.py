"""A generic engine: units of work by stage, recorded by all that they depend on, resumable. It knows no stage."""
