"""The SVBRDF library: a catalogue of named materials and the recipes that synthesise their maps."""
