"""From an object's silhouette and its mesh to the camera that saw it."""
