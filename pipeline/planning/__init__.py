"""What is to be made, decided before anything is: which shapes get which anomaly on which part, and how many images."""
