"""What a dataset is: labels, cameras, boxes, the schema, reading, writing and checking it. Imports no other room."""
