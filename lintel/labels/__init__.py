"""Labels of the six dimensions, with maturity, and the moments they are asked at."""
