"""References as the cameras of photographs see them, for models that compare pixel by pixel. Casts rays by Embree."""
